import { fromFront, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { integerValues } from "../../onnx/tensors.ts";
import { constantDims, constantInputs, feed, jobInput, listOf, prefersMerged, setAttribute, setList, withDim } from "./arguments.ts";
import { NotBatchable, type Batcher } from "./batchGraph.ts";
import type { Dim } from "./dims.ts";

export function transpose(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const perm = intsAttribute(node, "perm") ?? [...value.dims.keys()].reverse();
  const { form } = feed(node, value, perm[0] === 0, batcher);
  if (form === "apart") setAttribute(node, "perm", { ints: [0, ...perm.map((axis) => axis + 1)] });
  batcher.emit(node, form, [perm.map((axis) => value.dims[axis])]);
}

export function concat(node: NodeProto, batcher: Batcher): void {
  const values = node.input.map((_, i) => jobInput(node, i, batcher));
  const [{ dims }] = values as [(typeof values)[number]];
  const axis = fromFront(intAttribute(node, "axis", 0), dims.length);
  const form = axis > 0 && values.every(prefersMerged) ? "merged" : "apart";
  node.input = values.map((value) => batcher.in(form, value));
  setAttribute(node, "axis", { int: form === "merged" ? axis : axis + 1 });
  batcher.emit(node, form, [withDim(dims, axis, values.reduce<Dim>((sum, one) => (sum === undefined || one.dims[axis] === undefined ? undefined : sum + one.dims[axis]), 0))]);
}

export function split(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axis = fromFront(intAttribute(node, "axis", 0), value.dims.length);
  const sizes = listOf(node, "split", 1, batcher);
  const whole = value.dims[axis];
  const count = node.output.length;
  if (sizes === undefined && (whole === undefined || whole % count !== 0)) throw new NotBatchable();
  const { form, shift } = feed(node, value, axis > 0, batcher);
  setAttribute(node, "axis", { int: axis + shift });
  batcher.emit(node, form, node.output.map((_, i) => withDim(value.dims, axis, sizes?.[i] ?? (whole as number) / count)));
}

export function slice(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  constantInputs(node, 1, batcher);
  const [starts, ends] = [listOf(node, "starts", 1, batcher) ?? [], listOf(node, "ends", 2, batcher) ?? []];
  const axes = (listOf(node, "axes", 3, batcher) ?? [...starts.keys()]).map((axis) => fromFront(axis, value.dims.length));
  const steps = listOf(node, "steps", 4, batcher) ?? starts.map(() => 1);
  // Old operator sets have them in attributes.
  if (node.input.length < 3) throw new NotBatchable();
  const { form, shift } = feed(node, value, !axes.includes(0), batcher);
  node.input[3] = batcher.integers(axes.map((axis) => axis + shift));
  const dims = value.dims.map((size, axis): Dim => {
    const i = axes.indexOf(axis);
    if (i < 0 || size === undefined) return size;
    return sliceLength(size, starts[i] as number, ends[i] as number, steps[i] as number);
  });
  batcher.emit(node, form, [dims]);
}

/** The number of elements that ONNX's Slice takes of `size`. */
function sliceLength(size: number, start: number, end: number, step: number): number {
  const clamp = (place: number): number => Math.min(Math.max(fromFront(place, size), step > 0 ? 0 : -1), step > 0 ? size : size - 1);
  return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
}

/** Rows of a table that is the same for all, or places of what differs. */
export function gather(node: NodeProto, batcher: Batcher): void {
  const [data, indices] = node.input as [string, string];
  const [value, places] = [batcher.batched(data), batcher.batched(indices)];
  if (value === undefined && places !== undefined) {
    const table = constantDims(data, batcher);
    if (fromFront(intAttribute(node, "axis", 0), table.length) !== 0) throw new NotBatchable();
    const form = places.merged !== undefined ? "merged" : "apart";
    node.input[1] = batcher.in(form, places);
    return batcher.emit(node, form, [[...places.dims, ...table.slice(1)]]);
  }
  if (value === undefined || places !== undefined) throw new NotBatchable();
  const axis = fromFront(intAttribute(node, "axis", 0), value.dims.length);
  const { form, shift } = feed(node, value, axis > 0, batcher);
  setAttribute(node, "axis", { int: axis + shift });
  batcher.emit(node, form, [[...value.dims.slice(0, axis), ...constantDims(indices, batcher), ...value.dims.slice(axis + 1)]]);
}

export function tile(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const repeats = integerValues(batcher.constant(node.input[1] ?? ""));
  const { form } = feed(node, value, repeats[0] === 1, batcher);
  if (form === "apart") node.input[1] = batcher.integers([1, ...repeats]);
  batcher.emit(node, form, [value.dims.map((size, axis) => (size === undefined ? undefined : size * (repeats[axis] as number)))]);
}

/** Of constant width, along any axes. */
export function pad(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const rank = value.dims.length;
  constantInputs(node, 1, batcher);
  const pads = listOf(node, "pads", 1, batcher) ?? [];
  if (pads.length !== 2 * rank || (node.input[3] ?? "") !== "") throw new NotBatchable();
  const [before, after] = [pads.slice(0, rank), pads.slice(rank)];
  const { form } = feed(node, value, before[0] === 0 && after[0] === 0, batcher);
  if (form === "apart") setList(node, "pads", 1, [0, ...before, 0, ...after], batcher);
  batcher.emit(node, form, [value.dims.map((size, axis) => (size === undefined ? undefined : size + (before[axis] as number) + (after[axis] as number)))]);
}
