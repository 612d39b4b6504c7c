import { intsAttribute, makeAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { integerValues, tensorShape } from "../../onnx/tensors.ts";
import { NotBatchable, type Batched, type Batcher, type Form } from "./batchGraph.ts";
import type { Dims } from "./dims.ts";

/** The input at that place, which must differ from job to job. */
export function jobInput(node: NodeProto, index: number, batcher: Batcher): Batched {
  const value = batcher.batched(node.input[index] ?? "");
  if (value === undefined) throw new NotBatchable();
  return value;
}

/** Throws unless the inputs from `first` on are initialisers, or missing. */
export function constantInputs(node: NodeProto, first: number, batcher: Batcher): void {
  node.input.slice(first).forEach((name) => name !== "" && batcher.constant(name));
}

/** Dimensions of an initialiser. */
export function constantDims(name: string, batcher: Batcher): number[] {
  return tensorShape(batcher.constant(name));
}

/** A list that is an attribute in old operator sets and an input in new ones; undefined if it is missing. */
export function listOf(node: NodeProto, attribute: string, index: number, batcher: Batcher): number[] | undefined {
  const name = node.input[index] ?? "";
  return name === "" ? intsAttribute(node, attribute) : integerValues(batcher.constant(name));
}

/** Puts another list in its place. */
export function setList(node: NodeProto, attribute: string, index: number, values: readonly number[], batcher: Batcher): void {
  if ((node.input[index] ?? "") !== "") node.input[index] = batcher.integers(values);
  else setAttribute(node, attribute, { ints: values });
}

export function setAttribute(node: NodeProto, name: string, value: Parameters<typeof makeAttribute>[1]): void {
  node.attribute = [...node.attribute.filter((one) => one.name !== name), makeAttribute(name, value)];
}

/** Gives a node its first input, merged if it may be and is not apart already. Returns the form, and by how much axes move in it. */
export function feed(node: NodeProto, value: Batched, mayMerge: boolean, batcher: Batcher): { form: Form; shift: number } {
  const form = mayMerge && prefersMerged(value) ? "merged" : "apart";
  node.input[0] = batcher.in(form, value);
  return { form, shift: form === "merged" ? 0 : 1 };
}

/** Whether the merged form costs no Reshape more than the other. */
export function prefersMerged({ dims, merged, apart }: Batched): boolean {
  return dims.length > 0 && (merged !== undefined || apart === undefined);
}

/** Dimensions with one of them replaced. */
export function withDim(dims: Dims, axis: number, size: Dims[number]): Dims {
  return dims.map((old, i) => (i === axis ? size : old));
}
