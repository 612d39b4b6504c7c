import { clone } from "@bufbuild/protobuf";
import { NodeProtoSchema, type NodeProto, type TensorProto } from "../../onnx/generated/onnx_pb.ts";
import { makeNode } from "../../onnx/graphs.ts";
import { floatValues, makeTensor, tensorShape } from "../../onnx/tensors.ts";
import { isHalf } from "../../program/elements.ts";
import { dtypes } from "../../program/types.ts";
import type { ValueType } from "../lowering.ts";

/** A node in float32, and the conversions around it. */
export interface FloatNode {
  node: NodeProto;
  entries: NodeProto[];
  exits: NodeProto[];
  /** Constant inputs in float32. */
  constants: TensorProto[];
}

/**
 * A node that reads or gives half floats, in float32, so that what replaces it neither overflows nor rounds where kernels for the whole operator
 * do not: their constants, sums and squares are float32. Undefined for a node without half floats. Types and initialisers get what is new.
 */
export function inFloats(node: NodeProto, types: Map<string, ValueType>, initializers: Map<string, TensorProto>): FloatNode | undefined {
  const typeOf = (name: string): ValueType | undefined => {
    const tensor = initializers.get(name);
    return tensor === undefined ? types.get(name) : { dtype: tensor.dataType, shape: tensorShape(tensor) };
  };
  const isNarrow = (name: string): boolean => isHalf(typeOf(name)?.dtype ?? 0);
  if (![...node.input, ...node.output].some(isNarrow)) return undefined;
  const made: FloatNode = { node: clone(NodeProtoSchema, node), entries: [], exits: [], constants: [] };
  const convert = (from: string, to: string, dtype: number): NodeProto => makeNode("Cast", [from], [to], { to: { int: dtype } }, `${node.name}/cast ${to}`);
  made.node.input = node.input.map((name, k) => {
    if (!isNarrow(name)) return name;
    const wide = `${node.name}/float_${k}`;
    const tensor = initializers.get(name);
    if (tensor === undefined) made.entries.push(convert(name, wide, dtypes.float32));
    else {
      const constant = makeTensor(wide, dtypes.float32, tensorShape(tensor), new Uint8Array(floatValues(tensor).buffer));
      initializers.set(wide, constant);
      made.constants.push(constant);
    }
    types.set(wide, { dtype: dtypes.float32, shape: typeOf(name)!.shape });
    return wide;
  });
  made.node.output = node.output.map((name, k) => {
    if (!isNarrow(name)) return name;
    const wide = `${node.name}/wide_${k}`;
    made.exits.push(convert(wide, name, typeOf(name)!.dtype));
    types.set(wide, { dtype: dtypes.float32, shape: typeOf(name)!.shape });
    return wide;
  });
  return made;
}
