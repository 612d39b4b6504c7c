import { fromFront, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { Refusal } from "../draft.ts";
import { expandMap, reshapeMap, sliceMap, transposeMap } from "../indexMap.ts";
import { sameShape, type Lowering } from "../lowering.ts";

/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in the same order under the shape ONNX Runtime found. */
export function lowerReshape(node: NodeProto, lowering: Lowering): void {
  lowering.integers(node, 1, node.opType === "Reshape" ? "shape" : "list of axes");
  const shape = lowering.shapeOf(node.output[0]!);
  if (sameShape(shape, lowering.shapeOf(node.input[0]!))) return lowering.defineAlias(node.output[0]!, node.input[0]!);
  const view = lowering.view(node.input[0]!);
  lowering.defineView(node.output[0]!, view, reshapeMap(view.map, shape));
}

/** Transpose; without `perm` the axes are reversed. */
export function lowerTranspose(node: NodeProto, lowering: Lowering): void {
  const view = lowering.view(node.input[0]!);
  const perm = intsAttribute(node, "perm") ?? view.map.shape.map((_, k) => view.map.shape.length - 1 - k);
  lowering.defineView(node.output[0]!, view, transposeMap(view.map, perm));
}

/** Identity, and what is nothing else at inference. */
export function lowerIdentity(node: NodeProto, lowering: Lowering): void {
  lowering.defineAlias(node.output[0]!, node.input[0]!);
}

/** Dropout outside training is the identity. */
export function lowerDropout(node: NodeProto, lowering: Lowering): void {
  if ((node.output[1] ?? "") !== "") throw new Refusal("its mask output is used");
  if (lowering.has(node, 2)) throw new Refusal("it is in training mode; export the model for inference");
  lowerIdentity(node, lowering);
}

/** Expand broadcasts. */
export function lowerExpand(node: NodeProto, lowering: Lowering): void {
  lowering.integers(node, 1, "shape");
  const view = lowering.view(node.input[0]!);
  lowering.defineView(node.output[0]!, view, expandMap(view.map, lowering.shapeOf(node.output[0]!)));
}

/** Tile repeats whole axes. */
export function lowerTile(node: NodeProto, lowering: Lowering): void {
  const repeats = lowering.integers(node, 1, "list of repeats");
  const view = lowering.view(node.input[0]!);
  const shape = view.map.shape;
  if (repeats?.length !== shape.length) throw new Refusal("it has not one repeat for each axis");
  const apart = reshapeMap(view.map, shape.flatMap((size) => [1, size]));
  const repeated = expandMap(apart, shape.flatMap((size, k) => [repeats[k]!, size]));
  lowering.defineView(node.output[0]!, view, reshapeMap(repeated, lowering.shapeOf(node.output[0]!)));
}

/** Slice with constant bounds, as attributes (before opset 10) or inputs. */
export function lowerSlice(node: NodeProto, lowering: Lowering): void {
  const view = lowering.view(node.input[0]!);
  const rank = view.map.shape.length;
  const starts = lowering.integers(node, 1, "list of starts") ?? intsAttribute(node, "starts") ?? [];
  const ends = lowering.integers(node, 2, "list of ends") ?? intsAttribute(node, "ends") ?? [];
  const axes = (lowering.integers(node, 3, "list of axes") ?? intsAttribute(node, "axes") ?? starts.map((_, k) => k)).map((axis) => fromFront(axis, rank));
  const steps = lowering.integers(node, 4, "list of steps") ?? starts.map(() => 1);
  const start = view.map.shape.map(() => 0);
  const step = view.map.shape.map(() => 1);
  const size = [...view.map.shape];
  axes.forEach((axis, k) => {
    const dim = view.map.shape[axis]!;
    const stride = steps[k]!;
    const [low, high] = stride > 0 ? [0, dim] : [-1, dim - 1];
    const clamp = (value: number, least: number): number => Math.min(Math.max(fromFront(value, dim), least), high);
    start[axis] = clamp(starts[k]!, Math.max(low, 0));
    step[axis] = stride;
    size[axis] = Math.max(0, Math.ceil((clamp(ends[k]!, low) - start[axis]!) / stride));
  });
  if (!sameShape(size, lowering.shapeOf(node.output[0]!))) throw new Refusal("its bounds do not give the shape that ONNX Runtime found");
  lowering.defineView(node.output[0]!, view, sliceMap(view.map, start, step, size));
}

/** Split: consecutive slices of one axis. */
export function lowerSplit(node: NodeProto, lowering: Lowering): void {
  const view = lowering.view(node.input[0]!);
  const rank = view.map.shape.length;
  const axis = fromFront(intAttribute(node, "axis", 0), rank);
  const sizes = lowering.integers(node, 1, "list of sizes") ?? intsAttribute(node, "split");
  const equal = Math.ceil(view.map.shape[axis]! / node.output.length);
  let position = 0;
  node.output.forEach((name, k) => {
    const size = sizes?.[k] ?? Math.min(equal, view.map.shape[axis]! - position);
    const start = view.map.shape.map((_, j) => (j === axis ? position : 0));
    position += size;
    if (name === "") return;
    const shape = view.map.shape.map((dim, j) => (j === axis ? size : dim));
    if (!sameShape(shape, lowering.shapeOf(name))) throw new Refusal("its sizes do not give the shapes that ONNX Runtime found");
    if (size > 0) lowering.defineView(name, view, sliceMap(view.map, start, shape.map(() => 1), shape));
  });
}
