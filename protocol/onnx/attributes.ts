import { create } from "@bufbuild/protobuf";
import { AttributeProtoSchema, type AttributeProto, type NodeProto, type TensorProto } from "./generated/onnx_pb.ts";

/** Values of `AttributeProto.type` that are written. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

/** The attribute of that name, if the node has it. */
export function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((candidate) => candidate.name === name);
}

/** An integer attribute, or the operator's default. */
export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const found = attribute(node, name);
  return found === undefined ? fallback : Number(found.i);
}

/** A place among `size`, such as an axis or an index, counted from the front; ONNX counts negative ones from the back. */
export function fromFront(place: number, size: number): number {
  return place < 0 ? place + size : place;
}

/** A float attribute, or the operator's default. */
export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return attribute(node, name)?.f ?? fallback;
}

/** A string attribute, or the operator's default. */
export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const found = attribute(node, name);
  return found === undefined ? fallback : new TextDecoder().decode(found.s);
}

/** A list of integers, or undefined if the node lacks it. */
export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attribute(node, name)?.ints.map(Number);
}

/** A tensor attribute, or undefined if the node lacks it. */
export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return attribute(node, name)?.t;
}

export type AttributeValue = { int: number } | { float: number } | { string: string } | { ints: readonly number[] } | { floats: readonly number[] } | { tensor: TensorProto };

/** An attribute message. */
export function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  if ("int" in value) return create(AttributeProtoSchema, { name, type: attributeTypes.int, i: BigInt(value.int) });
  if ("float" in value) return create(AttributeProtoSchema, { name, type: attributeTypes.float, f: value.float });
  if ("string" in value) return create(AttributeProtoSchema, { name, type: attributeTypes.string, s: new TextEncoder().encode(value.string) });
  if ("ints" in value) return create(AttributeProtoSchema, { name, type: attributeTypes.ints, ints: value.ints.map(BigInt) });
  if ("floats" in value) return create(AttributeProtoSchema, { name, type: attributeTypes.floats, floats: [...value.floats] });
  return create(AttributeProtoSchema, { name, type: attributeTypes.tensor, t: value.tensor });
}
