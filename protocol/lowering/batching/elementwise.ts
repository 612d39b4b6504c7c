import { attribute, fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { constantDims, constantInputs, feed, jobInput, setAttribute } from "./arguments.ts";
import { NotBatchable, type Batched, type Batcher, type Form } from "./batchGraph.ts";
import { broadcast, type Dims } from "./dims.ts";

/** Operators whose result is the only right one, whatever element lies where. */
export function exactElementwise(node: NodeProto, batcher: Batcher): void {
  const inputs = inputsOf(node, batcher);
  const given = inputs.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const rank = Math.max(...inputs.map(({ dims }) => dims.length));
  const [first] = given as [Batched];
  // Along the first axis nothing may be spread over jobs.
  const mayMerge = rank > 0 && inputs.every(({ value, dims }) => (value === undefined ? dims.length < rank || dims[0] === 1 : dims.length === rank && dims[0] === first.dims[0]));
  const conversions = (form: Form): number => given.filter((value) => value[form] === undefined || value.dims.length < rank).length;
  const form = mayMerge && conversions("merged") <= conversions("apart") ? "merged" : "apart";
  node.input = node.input.map((name) => {
    const value = batcher.batched(name);
    return value === undefined ? name : form === "merged" ? batcher.in(form, value) : batcher.in(form, value, rank);
  });
  const dims = dimsOf(inputs);
  batcher.emit(node, form, node.output.map(() => dims));
}

/** Operators whose kernels approximate, a group of elements at a time. */
export function elementwise(node: NodeProto, batcher: Batcher): void {
  batcher.aligned(dimsOf(inputsOf(node, batcher)));
  exactElementwise(node, batcher);
}

/** QuantizeLinear and DequantizeLinear with one scale for all, or one for each place along an axis. */
export function quantization(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  constantInputs(node, 1, batcher);
  if (intAttribute(node, "block_size", 0) !== 0) throw new NotBatchable();
  const isOneScale = constantDims(node.input[1] ?? "", batcher).length === 0;
  const axis = fromFront(intAttribute(node, "axis", 1), value.dims.length);
  const { form, shift } = feed(node, value, isOneScale || axis > 0, batcher);
  if (!isOneScale || attribute(node, "axis") !== undefined) setAttribute(node, "axis", { int: axis + shift });
  batcher.emit(node, form, [value.dims]);
}

interface Input {
  value: Batched | undefined;
  dims: Dims;
}

function inputsOf(node: NodeProto, batcher: Batcher): Input[] {
  return node.input.flatMap((name) => {
    const value = batcher.batched(name);
    return name === "" ? [] : [{ value, dims: value?.dims ?? constantDims(name, batcher) }];
  });
}

function dimsOf(inputs: readonly Input[]): Dims {
  return inputs.map(({ dims }) => dims).reduce(broadcast, []);
}
