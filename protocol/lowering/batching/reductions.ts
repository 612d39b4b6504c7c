import { attribute, fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { feed, jobInput, listOf, setAttribute, setList } from "./arguments.ts";
import { NotBatchable, type Batcher } from "./batchGraph.ts";
import { countOf, type Dims } from "./dims.ts";

/** Largest and smallest: no order of the elements changes them. */
export function exactReduction(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axes = axesOf(node, value.dims, batcher);
  const { form, shift } = feed(node, value, !axes.includes(0), batcher);
  setList(node, "axes", 1, axes.map((axis) => axis + shift), batcher);
  batcher.emit(node, form, [reducedDims(node, value.dims, axes)]);
}

/** Where the largest or smallest is. */
export function indexReduction(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axis = fromFront(intAttribute(node, "axis", 0), value.dims.length);
  const { form, shift } = feed(node, value, axis > 0, batcher);
  setAttribute(node, "axis", { int: axis + shift });
  batcher.emit(node, form, [reducedDims(node, value.dims, [axis])]);
}

/** Sums and means. */
export function reduction(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axes = axesOf(node, value.dims, batcher);
  const dims = reducedDims(node, value.dims, axes);
  batcher.aligned(value.dims);
  const [from, to] = [Math.min(...axes), Math.max(...axes) + 1];
  const [before, reduced, after] = [value.dims.slice(0, from), value.dims.slice(from, to), value.dims.slice(to)].map(countOf);
  if (before !== 1 || after === 1 || to - from !== axes.length) {
    const { form, shift } = feed(node, value, from > 0, batcher);
    setList(node, "axes", 1, axes.map((axis) => axis + shift), batcher);
    return batcher.emit(node, form, [dims]);
  }
  // For one job this adds rows, first to last. Behind an axis of jobs the kernel would be another; with the jobs side by side in each row it is that one.
  if (reduced === undefined || after === undefined) throw new NotBatchable();
  const rows = batcher.in("apart", { dims: [reduced, after], raw: value.raw });
  node.input[0] = batcher.between("Transpose", [rows], { perm: { ints: [1, 0, 2] } }, [reduced, after]).raw;
  setList(node, "axes", 1, [0], batcher);
  setAttribute(node, "keepdims", { int: 0 });
  const [output] = node.output as [string];
  const sums = `${output}:sums`;
  node.output = [sums];
  batcher.emit(node, "apart", [[after]]);
  batcher.view(output, { raw: sums }, dims);
}

export function softmax(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  batcher.aligned(value.dims);
  // What a missing axis means depends on the operator set.
  if (attribute(node, "axis") === undefined) throw new NotBatchable();
  const axis = fromFront(intAttribute(node, "axis", -1), value.dims.length);
  const { form, shift } = feed(node, value, axis > 0, batcher);
  setAttribute(node, "axis", { int: axis + shift });
  batcher.emit(node, form, [value.dims]);
}

function axesOf(node: NodeProto, dims: Dims, batcher: Batcher): number[] {
  const axes = listOf(node, "axes", 1, batcher);
  if (axes === undefined || axes.length === 0) throw new NotBatchable();
  return axes.map((axis) => fromFront(axis, dims.length));
}

function reducedDims(node: NodeProto, dims: Dims, axes: readonly number[]): Dims {
  const keeps = intAttribute(node, "keepdims", 1) !== 0;
  return dims.flatMap((size, axis) => (!axes.includes(axis) ? [size] : keeps ? [1] : []));
}
