import { intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { reductionOps, stepKinds, type Window } from "../../program/types.ts";
import { Refusal, type Coordinate, type DraftFactor } from "../draft.ts";
import { formula } from "../expression.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { coordinates } from "./contractions.ts";
import { beginPads, neverLeaves, sometimesEmpty } from "./windows.ts";

/** MaxPool over any number of spatial axes. */
export function lowerMaxPool(node: NodeProto, lowering: Lowering): void {
  if ((node.output[1] ?? "") !== "") throw new Refusal("its Indices output is used");
  const kernel = intsAttribute(node, "kernel_shape");
  if (kernel === undefined) throw new Refusal("it has no kernel_shape");
  pool(node, lowering, kernel);
}

/** GlobalMaxPool: the window is the whole plane. */
export function lowerGlobalMaxPool(node: NodeProto, lowering: Lowering): void {
  pool(node, lowering, lowering.shapeOf(node.input[0]!).slice(2));
}

/** ReduceMax, with axes as an attribute (before opset 18) or as an input. */
export function lowerReduceMax(node: NodeProto, lowering: Lowering): void {
  reduceAxes(node, lowering, reductionOps.max);
}

/** ReduceMin, with axes as an attribute (before opset 18) or as an input. */
export function lowerReduceMin(node: NodeProto, lowering: Lowering): void {
  reduceAxes(node, lowering, reductionOps.min);
}

function pool(node: NodeProto, lowering: Lowering, kernel: number[]): void {
  const x = lowering.view(node.input[0]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const pads = beginPads(node, x.map.shape.slice(2), shape.slice(2), kernel, strides, dilations);
  const at = coordinates(shape.length, kernel.length);
  const windows: Window[] = [];
  const positions = kernel.map((taps, k): Coordinate => {
    const window: Window = { outDim: 2 + k, reduceDim: k, stride: strides[k]!, dilation: dilations[k]!, pad: pads[k]!, size: x.map.shape[2 + k]! };
    if (sometimesEmpty(window, shape[2 + k]!, taps)) throw new Refusal("some of its windows lie wholly in the padding");
    if (!neverLeaves(window, shape[2 + k]!, taps)) windows.push(window);
    const position = at.out(2 + k);
    position.out[2 + k] = window.stride;
    position.reduce[k] = window.dilation;
    position.offset = -window.pad;
    return position;
  });
  define(node, lowering, reductionOps.max, kernel, { view: x, coordinates: [at.out(0), at.out(1), ...positions], windows });
}

function reduceAxes(node: NodeProto, lowering: Lowering, op: number): void {
  const x = lowering.view(node.input[0]!);
  const rank = x.map.shape.length;
  const given = lowering.integers(node, 1, "list of axes") ?? intsAttribute(node, "axes") ?? [];
  if (given.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) !== 0) return lowering.defineAlias(node.output[0]!, node.input[0]!);
  const reduced = new Set(given.length === 0 ? x.map.shape.map((_, k) => k) : given.map((axis) => (axis < 0 ? axis + rank : axis)));
  const keep = intAttribute(node, "keepdims", 1) !== 0;
  const shape = lowering.shapeOf(node.output[0]!);
  const at = coordinates(shape.length, reduced.size);
  let out = 0;
  let taps = 0;
  const places = x.map.shape.map((_, axis): Coordinate => {
    if (!reduced.has(axis)) return at.out(out++);
    if (keep) out++;
    return at.reduce(taps++);
  });
  define(node, lowering, op, x.map.shape.filter((_, axis) => reduced.has(axis)), { view: x, coordinates: places, windows: [] });
}

function define(node: NodeProto, lowering: Lowering, op: number, reduce: number[], factor: DraftFactor): void {
  const shape = lowering.shapeOf(node.output[0]!);
  lowering.defineStep({
    name: node.output[0]!,
    shape,
    dims: axesOf(shape),
    core: { kind: stepKinds.reduction, op, reduce, factors: [factor], addends: [] },
    expression: formula.core,
    nodes: [node.name],
  });
}
