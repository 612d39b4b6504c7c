import { create } from "@bufbuild/protobuf";
import type { AttributeValue } from "../../protocol/onnx/attributes.ts";
import { ModelProtoSchema, TypeProtoSchema, ValueInfoProtoSchema, type NodeProto, type TensorProto, type ValueInfoProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../protocol/onnx/tensors.ts";

export interface OnnxModelParts {
  /** Shapes of the inputs; a string is a symbolic dimension. */
  inputs: Record<string, (number | string)[]>;
  nodes: NodeProto[];
  outputs: string[];
  initializers?: TensorProto[];
  opset?: number;
  irVersion?: number;
  /** Lists initialisers among the inputs, as old exporters did. */
  initializersAsInputs?: boolean;
  inputType?: number;
  /** Element types of inputs and outputs that are not float32. */
  inputTypes?: Record<string, number>;
  outputTypes?: Record<string, number>;
}

/** Bytes of a small float32 ONNX model for tests. */
export function buildOnnx(parts: OnnxModelParts): Uint8Array {
  const elemType = parts.inputType ?? 1;
  const inputs = Object.entries(parts.inputs).map(([name, shape]) => declaredInput(name, parts.inputTypes?.[name] ?? elemType, shape));
  const initializers = parts.initializers ?? [];
  const domains = new Set(parts.nodes.map(({ domain }) => domain).filter((domain) => domain !== ""));
  if (parts.initializersAsInputs === true) inputs.push(...initializers.map((tensor) => makeValueInfo(tensor.name, tensor.dataType, tensor.dims.map(Number))));
  return serializeModel(
    create(ModelProtoSchema, {
      irVersion: BigInt(parts.irVersion ?? 10),
      opsetImport: [{ domain: "", version: BigInt(parts.opset ?? 21) }, ...[...domains].map((domain) => ({ domain, version: 1n }))],
      graph: {
        name: "test",
        node: parts.nodes,
        initializer: initializers,
        input: inputs,
        output: parts.outputs.map((name) => create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { tensorType: { elemType: parts.outputTypes?.[name] ?? 1 } }) })),
      },
    }),
  );
}

/** A node; attributes by name. Operators of other domains have the domain before their name. */
export function op(opType: string, inputs: string[], outputs: string[], attributes: Record<string, AttributeValue> = {}): NodeProto {
  const dot = opType.lastIndexOf(".");
  const node = makeNode(opType.slice(dot + 1), inputs, outputs, attributes);
  if (dot >= 0) node.domain = opType.slice(0, dot);
  return node;
}

/** An initialiser of small integers. */
export function bytes8(name: string, dtype: 2 | 3 | 9, shape: number[], values: Iterable<number>): TensorProto {
  return makeTensor(name, dtype, shape, Uint8Array.from(values, (value) => value & 255));
}

/** A float32 initialiser. */
export function floats(name: string, shape: number[], values: Iterable<number>): TensorProto {
  const data = Float32Array.from(values);
  return makeTensor(name, 1, shape, new Uint8Array(data.buffer));
}

/** An int64 initialiser of one axis. */
export function int64s(name: string, values: number[]): TensorProto {
  return makeTensor(name, 7, [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
}

/** `count` numbers between −1 and 1 that are always the same. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1);
  });
}

function declaredInput(name: string, elemType: number, shape: (number | string)[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: { tensorType: { elemType, shape: { dim: shape.map((size) => ({ value: typeof size === "number" ? { case: "dimValue" as const, value: BigInt(size) } : { case: "dimParam" as const, value: size } })) } } },
  });
}
