import { fromFront, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isHalf } from "../../program/elements.ts";
import { stepKinds, type Dtype, type Window } from "../../program/types.ts";
import { isInteger, Refusal, type Coordinate, type DraftFactor } from "../draft.ts";
import { formula } from "../expression.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { coordinates } from "./contractions.ts";
import type { LowerNode } from "./maps.ts";
import { beginPads, neverLeaves, sometimesEmpty } from "./windows.ts";

/** Operations of a reduction step (docs/protocol.md §2). */
const ops = { max: 1, min: 2, sum: 3, mean: 4, meanOfAll: 5, argMax: 6, argMin: 7 } as const;

/** MaxPool over any number of spatial axes. */
export function lowerMaxPool(node: NodeProto, lowering: Lowering): void {
  if ((node.output[1] ?? "") !== "") throw new Refusal("its Indices output is used");
  pool(node, lowering, kernelOf(node), ops.max);
}

/** GlobalMaxPool: the window is the whole plane. */
export function lowerGlobalMaxPool(node: NodeProto, lowering: Lowering): void {
  pool(node, lowering, lowering.shapeOf(node.input[0]!).slice(2), ops.max);
}

/** AveragePool: the padding counts as zeros with `count_include_pad`, else only what is present is averaged. */
export function lowerAveragePool(node: NodeProto, lowering: Lowering): void {
  const kernel = kernelOf(node);
  const padded = intAttribute(node, "count_include_pad", 0) !== 0;
  if (padded) refuseOverhang(node, lowering, kernel);
  pool(node, lowering, kernel, padded ? ops.meanOfAll : ops.mean);
}

/** GlobalAveragePool: the window is the whole plane. */
export function lowerGlobalAveragePool(node: NodeProto, lowering: Lowering): void {
  pool(node, lowering, lowering.shapeOf(node.input[0]!).slice(2), ops.mean);
}

/** A reduction over axes given as an attribute (in older opsets) or as an input. */
export function reduction(kind: "max" | "min" | "sum" | "mean"): LowerNode {
  return (node, lowering) => reduceAxes(node, lowering, ops[kind]);
}

/** ArgMax or ArgMin: the place of the first or last extreme along one axis. */
export function argument(kind: "argMax" | "argMin"): LowerNode {
  return (node, lowering) => {
    const last = intAttribute(node, "select_last_index", 0) !== 0;
    reduceAxes(node, lowering, ops[kind], [intAttribute(node, "axis", 0)], last ? Uint8Array.of(1) : new Uint8Array(0));
  };
}

function kernelOf(node: NodeProto): number[] {
  const kernel = intsAttribute(node, "kernel_shape");
  if (kernel === undefined) throw new Refusal("it has no kernel_shape");
  return kernel;
}

/** With `ceil_mode` a window may reach beyond the padding, and kernels differ in whether that counts. */
function refuseOverhang(node: NodeProto, lowering: Lowering, kernel: readonly number[]): void {
  const pads = intsAttribute(node, "pads");
  if (intAttribute(node, "ceil_mode", 0) === 0) return;
  const [input, output] = [lowering.shapeOf(node.input[0]!), lowering.shapeOf(node.output[0]!)];
  kernel.forEach((taps, k) => {
    const stride = intsAttribute(node, "strides")?.[k] ?? 1;
    const reach = (output[2 + k]! - 1) * stride + (taps - 1) * (intsAttribute(node, "dilations")?.[k] ?? 1) + 1;
    if (reach > input[2 + k]! + (pads?.[k] ?? 0) + (pads?.[kernel.length + k] ?? 0)) throw new Refusal("its last window reaches beyond the padding");
  });
}

function pool(node: NodeProto, lowering: Lowering, kernel: number[], op: number): void {
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
  define(node, lowering, op, kernel, { view: x, coordinates: [at.out(0), at.out(1), ...positions], windows });
}

function reduceAxes(node: NodeProto, lowering: Lowering, op: number, only?: readonly number[], attributes?: Uint8Array<ArrayBuffer>): void {
  const x = lowering.view(node.input[0]!);
  const rank = x.map.shape.length;
  const given = only ?? lowering.integers(node, 1, "list of axes") ?? intsAttribute(node, "axes") ?? [];
  if (given.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) !== 0) return lowering.defineAlias(node.output[0]!, node.input[0]!);
  const reduced = new Set(given.length === 0 ? x.map.shape.map((_, k) => k) : given.map((axis) => fromFront(axis, rank)));
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
  const order = [...places.keys()].sort((a, b) => Number(reduced.has(a)) - Number(reduced.has(b)) || a - b);
  define(node, lowering, op, x.map.shape.filter((_, axis) => reduced.has(axis)), { view: x, coordinates: places, windows: [], wanted: { order, priority: 1 } }, attributes);
}

function define(node: NodeProto, lowering: Lowering, op: number, reduce: number[], factor: DraftFactor, attributes = new Uint8Array(0)): void {
  const { shape, dtype } = lowering.typeOf(node.output[0]!);
  const { dtype: from } = factor.view;
  if (isInteger(from) && (op === ops.mean || op === ops.meanOfAll)) throw new Refusal("it averages integers");
  lowering.defineStep({
    name: node.output[0]!,
    dtype: dtype as Dtype,
    domain: isInteger(from) ? "integer" : "float",
    shape,
    dims: axesOf(shape),
    core: { kind: stepKinds.reduction, op, reduce, factors: [factor], addends: [], attributes },
    expression: isHalf(from) && op >= ops.sum && op <= ops.meanOfAll ? formula.rounded(formula.core, from) : formula.core,
    nodes: [node.name],
  });
}
