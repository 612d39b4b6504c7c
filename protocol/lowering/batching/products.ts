import { intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { constantDims, constantInputs, jobInput, prefersMerged, setAttribute } from "./arguments.ts";
import { NotBatchable, type Batcher, type Form } from "./batchGraph.ts";
import { broadcast, type Dims } from "./dims.ts";

/** Rows of the jobs one under the other, times one matrix, and what is added the same for each row or one for each. */
export function gemm(node: NodeProto, batcher: Batcher): void {
  const rows = jobInput(node, 0, batcher);
  const [, right, added = ""] = node.input as [string, string, string?];
  if (intAttribute(node, "transA", 0) !== 0 || rows.dims.length !== 2) throw new NotBatchable();
  const matrix = constantDims(right, batcher);
  const value = batcher.batched(added);
  if (value === undefined && added !== "") {
    const own = constantDims(added, batcher);
    if (own.length > 1 && own[0] !== 1) throw new NotBatchable();
  } else if (value !== undefined && (value.dims.length !== 2 || value.dims[0] !== rows.dims[0])) throw new NotBatchable();
  node.input[0] = batcher.in("merged", rows);
  if (value !== undefined) node.input[2] = batcher.in("merged", value);
  batcher.emit(node, "merged", [[rows.dims[0], intAttribute(node, "transB", 0) === 0 ? matrix[1] : matrix[0]]]);
}

export function matMul(node: NodeProto, batcher: Batcher): void {
  product(node, batcher, [0, 1]);
}

/** Scales and zero points lie between the factors. */
export function qLinearMatMul(node: NodeProto, batcher: Batcher): void {
  constantInputs(node, 4, batcher);
  [1, 2].forEach((index) => batcher.constant(node.input[index] ?? ""));
  product(node, batcher, [0, 3]);
}

/** A MatMul whose factors may be transposed, in the last two dimensions, and before that in the others: the first of them then is the row. */
export function fusedMatMul(node: NodeProto, batcher: Batcher): void {
  ["A", "B"].forEach((name, index) => {
    if (intAttribute(node, `transBatch${name}`, 0) === 0) return;
    const value = jobInput(node, index, batcher);
    if (value.dims.length < 3) throw new NotBatchable();
    const axes = [...value.dims.keys()];
    const perm = [...axes.slice(1, -1), 0, axes.length - 1];
    node.input[index] = batcher.between("Transpose", [batcher.in("apart", value)], { perm: { ints: [0, ...perm.map((axis) => axis + 1)] } }, perm.map((axis) => value.dims[axis])).raw;
    setAttribute(node, `transBatch${name}`, { int: 0 });
  });
  const [turnsA, turnsB] = ["A", "B"].map((name) => intAttribute(node, `trans${name}`, 0) !== 0);
  product(node, batcher, [0, 1], turnsA, turnsB);
}

function product(node: NodeProto, batcher: Batcher, [leftIndex, rightIndex]: readonly [number, number], turnsA = false, turnsB = false): void {
  const [left, right] = [node.input[leftIndex] ?? "", node.input[rightIndex] ?? ""];
  const [a, b] = [batcher.batched(left), batcher.batched(right)];
  const [aDims, bDims] = [a?.dims ?? constantDims(left, batcher), b?.dims ?? constantDims(right, batcher)];
  const [aRank, bRank] = [aDims.length, bDims.length];
  if (aRank < 2 || bRank < 2) throw new NotBatchable();
  const dims: Dims = [...broadcast(aDims.slice(0, -2), bDims.slice(0, -2)), turnsA ? aDims.at(-1) : aDims.at(-2), turnsB ? bDims.at(-2) : bDims.at(-1)];
  // All rows times one matrix: an axis of jobs is one of rows.
  const isOneMatrix = a !== undefined && b === undefined && bRank === 2;
  const form: Form = isOneMatrix && !turnsA && prefersMerged(a) ? "merged" : "apart";
  if (!isOneMatrix && ((a !== undefined && aRank < bRank) || (b !== undefined && bRank < aRank))) throw new NotBatchable();
  if (a !== undefined) node.input[leftIndex] = batcher.in(form, a);
  if (b !== undefined) node.input[rightIndex] = batcher.in(form, b);
  batcher.emit(node, form, [dims]);
}
