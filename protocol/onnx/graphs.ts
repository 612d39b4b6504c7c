import { create } from "@bufbuild/protobuf";
import { makeAttribute, type AttributeValue } from "./attributes.ts";
import { NodeProtoSchema, ValueInfoProtoSchema, type NodeProto, type ValueInfoProto } from "./generated/onnx_pb.ts";

/** A declaration of a tensor value with a fixed shape. */
export function makeValueInfo(name: string, elemType: number, shape: readonly number[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: { tensorType: { elemType, shape: { dim: shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } })) } } },
  });
}

/** A node of the default domain. */
export function makeNode(opType: string, inputs: readonly string[], outputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}, name = ""): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    name,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([key, value]) => makeAttribute(key, value)),
  });
}

/** A declared dimension: a size, or the name of a symbol (`""` if it has none). */
export type DeclaredDim = number | { symbol: string };

/** Element type and dimensions of a declared value; undefined if it is no tensor or has no shape. */
export function declaredTensor(info: ValueInfoProto): { elemType: number; dims: DeclaredDim[] | undefined } | undefined {
  const tensor = info.type?.tensorType;
  if (tensor === undefined) return undefined;
  const dims = tensor.shape?.dim.map((dim): DeclaredDim => {
    if (dim.value.case === "dimValue") return Number(dim.value.value);
    return { symbol: dim.value.case === "dimParam" ? dim.value.value : "" };
  });
  return { elemType: tensor.elemType, dims };
}
