import { floatAttribute, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { dtypes, stepKinds, type Window } from "../../program/types.ts";
import { Refusal, type Coordinate, type DraftDim, type DraftFactor, type DraftStep, type View } from "../draft.ts";
import { formula, opcodes } from "../expression.ts";
import { expandMap } from "../indexMap.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { beginPads, neverLeaves } from "./windows.ts";

/** MatMul: numpy semantics, with 1-D operands and broadcast batch axes. */
export function lowerMatMul(node: NodeProto, lowering: Lowering): void {
  const a = lowering.floatView(node.input[0]!);
  const b = lowering.floatView(node.input[1]!);
  const name = node.output[0]!;
  const shape = lowering.shapeOf(name);
  const aRank = a.map.shape.length;
  const bRank = b.map.shape.length;
  const rows = aRank > 1 ? 1 : 0;
  const columns = bRank > 1 ? 1 : 0;
  const batch = shape.length - rows - columns;
  const at = coordinates(shape.length, 1);
  const batchOf = (view: View, count: number): Coordinate[] =>
    Array.from({ length: count }, (_, k) => (view.map.shape[k] === 1 ? at.none() : at.out(batch - count + k)));
  const aCoordinates = [...batchOf(a, Math.max(aRank - 2, 0)), ...(rows ? [at.out(batch)] : []), at.reduce(0)];
  const bCoordinates = [...batchOf(b, Math.max(bRank - 2, 0)), at.reduce(0), ...(columns ? [at.out(batch + rows)] : [])];
  const bOrder = Array.from({ length: bRank }, (_, k) => k);
  if (columns) [bOrder[bRank - 2], bOrder[bRank - 1]] = [bRank - 1, bRank - 2];
  lowering.defineStep(
    contraction(node, shape, axesOf(shape), [a.map.shape[aRank - 1]!], [
      { view: a, coordinates: aCoordinates, windows: [], wanted: { order: Array.from({ length: aRank }, (_, k) => k), priority: 1 } },
      { view: b, coordinates: bCoordinates, windows: [], wanted: { order: bOrder, priority: 2 } },
    ]),
  );
}

/** Gemm: `alpha·A'·B' + beta·C`; C joins the exact sum where both scales are 1. */
export function lowerGemm(node: NodeProto, lowering: Lowering): void {
  const a = lowering.floatView(node.input[0]!);
  const b = lowering.floatView(node.input[1]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const transA = intAttribute(node, "transA", 0) !== 0;
  const transB = intAttribute(node, "transB", 0) !== 0;
  const at = coordinates(2, 1);
  const step = contraction(node, shape, axesOf(shape), [a.map.shape[transA ? 0 : 1]!], [
    { view: a, coordinates: transA ? [at.reduce(0), at.out(0)] : [at.out(0), at.reduce(0)], windows: [], wanted: { order: transA ? [1, 0] : [0, 1], priority: 1 } },
    { view: b, coordinates: transB ? [at.out(1), at.reduce(0)] : [at.reduce(0), at.out(1)], windows: [], wanted: { order: transB ? [0, 1] : [1, 0], priority: 2 } },
  ]);
  const c = lowering.has(node, 2) && beta !== 0 ? lowering.floatView(node.input[2]!) : undefined;
  const term = c === undefined ? undefined : { ...c, map: expandMap(c.map, shape) };
  if (term !== undefined && alpha === 1 && beta === 1) step.core!.addends.push(term);
  else {
    if (alpha !== 1) step.expression = formula.apply(opcodes.mul, step.expression, formula.constant(alpha));
    if (term !== undefined) {
      const scaled = beta === 1 ? formula.value(term) : formula.apply(opcodes.mul, formula.value(term), formula.constant<View>(beta));
      step.expression = formula.apply(opcodes.add, step.expression, scaled);
    }
  }
  lowering.defineStep(step);
}

/** Conv over any number of spatial axes, with groups, strides, dilations and padding. */
export function lowerConv(node: NodeProto, lowering: Lowering): void {
  const x = lowering.floatView(node.input[0]!);
  const w = lowering.floatView(node.input[1]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const spatial = shape.length - 2;
  if (spatial < 1) throw new Refusal("it has no spatial axis");
  const kernel = w.map.shape.slice(2);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const groups = intAttribute(node, "group", 1);
  const pads = beginPads(node, x.map.shape.slice(2), shape.slice(2), kernel, strides, dilations);
  const perGroup = w.map.shape[1]!;
  const filters = shape[1]! / groups;
  const split = groups > 1 && filters > 1;
  const dims: DraftDim[] = [
    { axis: 0, size: shape[0]! },
    ...(split ? [{ axis: 1, size: groups }, { axis: 1, size: filters }] : [{ axis: 1, size: shape[1]! }]),
    ...kernel.map((_, k) => ({ axis: 2 + k, size: shape[2 + k]! })),
  ];
  const first = split ? 3 : 2;
  const at = coordinates(dims.length, spatial + 1);
  const channel = at.reduce(spatial);
  if (groups > 1) channel.out[1] = perGroup;
  const filter = split ? at.out(2) : at.out(1);
  if (split) filter.out[1] = filters;
  const windows: Window[] = [];
  const positions = kernel.map((taps, k): Coordinate => {
    const window: Window = { outDim: first + k, reduceDim: k, stride: strides[k]!, dilation: dilations[k]!, pad: pads[k]!, size: x.map.shape[2 + k]! };
    if (!neverLeaves(window, shape[2 + k]!, taps)) windows.push(window);
    const position = at.out(first + k);
    position.out[first + k] = window.stride;
    position.reduce[k] = window.dilation;
    position.offset = -window.pad;
    return position;
  });
  // Kernels may multiply the padding by the weights, and 0·∞ is NaN; the judge leaves those taps out.
  if (windows.length > 0 && !isFinite(lowering.floats(node, 1))) throw new Refusal("it pads, and its weights are not known to be finite; they must be finite constants");
  const spatialAxes = kernel.map((_, k) => 2 + k);
  const lastTaps = kernel[spatial - 1]!;
  const channelsLast = (groups === 1 ? perGroup * lastTaps : perGroup) > lastTaps;
  const step = contraction(node, shape, dims, [...kernel, perGroup], [
    {
      view: x,
      coordinates: [at.out(0), channel, ...positions],
      windows,
      wanted: { order: channelsLast ? [0, ...spatialAxes, 1] : [0, 1, ...spatialAxes], priority: 3 },
    },
    { view: w, coordinates: [filter, at.reduce(spatial), ...kernel.map((_, k) => at.reduce(k))], windows: [], wanted: { order: [0, ...spatialAxes, 1], priority: 3 } },
  ]);
  if (lowering.has(node, 2)) {
    const bias = lowering.floatView(node.input[2]!);
    step.core!.addends.push({ ...bias, map: { ...bias.map, shape, strides: shape.map((_, k) => (k === 1 ? bias.map.strides[0]! : 0)) } });
  }
  lowering.defineStep(step);
}

function contraction(node: NodeProto, shape: number[], dims: DraftDim[], reduce: number[], factors: DraftFactor[]): DraftStep {
  return {
    name: node.output[0]!,
    dtype: dtypes.float32,
    domain: "float",
    shape,
    dims,
    core: { kind: stepKinds.contraction, op: 0, reduce, factors, addends: [] },
    expression: formula.core,
    nodes: [node.name],
  };
}

/** Makers of coordinates over a number of output and reduction dimensions. */
export function coordinates(outRank: number, reduceRank: number) {
  const none = (): Coordinate => ({ offset: 0, out: new Array<number>(outRank).fill(0), reduce: new Array<number>(reduceRank).fill(0) });
  const out = (k: number): Coordinate => {
    const coordinate = none();
    coordinate.out[k] = 1;
    return coordinate;
  };
  const reduce = (k: number): Coordinate => {
    const coordinate = none();
    coordinate.reduce[k] = 1;
    return coordinate;
  };
  return { none, out, reduce };
}

function isFinite(values: Float32Array | undefined): boolean {
  return values?.every((value) => Number.isFinite(value)) ?? false;
}
