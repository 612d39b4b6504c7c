import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { integerValues } from "../../onnx/tensors.ts";
import { jobInput, listOf } from "./arguments.ts";
import { NotBatchable, type Batcher } from "./batchGraph.ts";
import { broadcast, countOf, type Dim } from "./dims.ts";

const first = (node: NodeProto): string => node.output[0] as string;

export function identity(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  batcher.view(first(node), value, value.dims);
}

export function reshape(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const literally = intAttribute(node, "allowzero", 0) !== 0;
  const wanted = integerValues(batcher.constant(node.input[1] ?? "")).map((size, axis): Dim => (size === 0 && !literally ? value.dims[axis] : size));
  const rest = countOf(wanted.filter((size) => size !== -1));
  const all = countOf(value.dims);
  batcher.view(first(node), value, wanted.map((size) => (size !== -1 ? size : all === undefined || rest === undefined ? undefined : all / rest)));
}

export function flatten(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axis = fromFront(intAttribute(node, "axis", 1), value.dims.length);
  const dims = [countOf(value.dims.slice(0, axis)), countOf(value.dims.slice(axis))];
  if (axis !== 1 || dims[1] !== undefined) return batcher.view(first(node), value, dims);
  // The node finds out what is not known here.
  node.input[0] = batcher.in("merged", value);
  batcher.emit(node, "merged", [dims]);
}

export function squeeze(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const axes = listOf(node, "axes", 1, batcher)?.map((axis) => fromFront(axis, value.dims.length));
  batcher.view(first(node), value, value.dims.filter((size, axis) => !(axes?.includes(axis) ?? size === 1)));
}

export function unsqueeze(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const given = listOf(node, "axes", 1, batcher) ?? [];
  const rank = value.dims.length + given.length;
  const axes = given.map((axis) => fromFront(axis, rank));
  const dims: Dim[] = [...value.dims];
  for (const axis of [...axes].sort((a, b) => a - b)) dims.splice(axis, 0, 1);
  batcher.view(first(node), value, dims);
}

export function expand(node: NodeProto, batcher: Batcher): void {
  const value = jobInput(node, 0, batcher);
  const wanted = integerValues(batcher.constant(node.input[1] ?? ""));
  const dims = broadcast(value.dims, wanted);
  if (dims.includes(undefined)) throw new NotBatchable();
  node.input = [batcher.in("apart", value, dims.length), batcher.integers([1, ...Array<number>(dims.length - wanted.length).fill(1), ...wanted])];
  batcher.emit(node, "apart", [dims]);
}
