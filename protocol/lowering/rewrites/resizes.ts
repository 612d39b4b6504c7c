import { attribute, floatAttribute, fromFront, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { applyAlongAxis } from "./linearMaps.ts";

/** One axis that changes: how places of the result are found in the source. */
interface Axis {
  axis: number;
  from: number;
  to: number;
  scale: number;
  /** The part of the source that is resized, from 0 to 1. */
  crop?: [number, number];
}

/** Resize, and Upsample before it: nearest by picking, linear and cubic by a constant matrix for each axis. */
export function rewriteResize(graph: GraphBuilder): boolean {
  const { node } = graph;
  const x = graph.input(0);
  const [source, target] = [graph.shapeOf(x), graph.shapeOf(node.output[0]!)];
  const upsample = node.opType === "Upsample" || node.input.length <= 2;
  const mode = stringAttribute(node, "mode", "nearest");
  const transform = upsample ? "asymmetric" : stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  const crop = transform === "tf_crop_and_resize" ? cropOf(graph, source.length) : undefined;
  const rounding = upsample ? "floor" : stringAttribute(node, "nearest_mode", "round_prefer_floor");
  const axes = source.flatMap((from, axis): Axis[] => {
    const scale = scaleOf(graph, upsample, axis, source, target);
    return from === target[axis] && scale === 1 && crop?.[axis] === undefined ? [] : [{ axis, from, to: target[axis]!, scale, ...(crop?.[axis] === undefined ? {} : { crop: crop[axis] }) }];
  });
  const smooth = intAttribute(node, "antialias", 0) !== 0;
  let value = x;
  const outside: { axis: number; places: boolean[] }[] = [];
  for (const each of axes) {
    const places = Array.from({ length: each.to }, (_, k) => place(k, each, transform));
    if (each.crop !== undefined) outside.push({ axis: each.axis, places: places.map((at) => at < 0 || at > each.from - 1) });
    if (mode === "nearest") value = pick(graph, value, each.axis, places.map((at) => nearest(at, rounding, each.from)));
    else value = applyAlongAxis(graph, value, each.axis, weights(node.opType === "Upsample" || mode !== "cubic" ? "linear" : "cubic", places, each.from, graph, smooth ? Math.min(1, each.scale) : 1));
  }
  graph.result(0, "Identity", [extrapolated(graph, value, target, outside)]);
  return true;
}

/** Start and end of the part that is kept, by axis, as parts of its length; undefined where all of it is. */
function cropOf(graph: GraphBuilder, rank: number): ([number, number] | undefined)[] {
  const region = graph.has(1) ? graph.constant(1) : undefined;
  if (region === undefined) throw new Refusal("its region of interest is computed at run time");
  const axes = (intsAttribute(graph.node, "axes") ?? Array.from({ length: rank }, (_, k) => k)).map((k) => fromFront(k, rank));
  return Array.from({ length: rank }, (_, axis) => {
    const at = axes.indexOf(axis);
    const [start, end] = [region[at]!, region[axes.length + at]!];
    return at < 0 || (start === 0 && end === 1) ? undefined : [start, end];
  });
}

/** A constant where the cropped part reaches beyond the source along any axis. */
function extrapolated(graph: GraphBuilder, value: string, shape: readonly number[], outside: readonly { axis: number; places: boolean[] }[]): string {
  const beyond = outside.filter(({ places }) => places.includes(true));
  if (beyond.length === 0) return value;
  const fill = graph.scalar(floatAttribute(graph.node, "extrapolation_value", 0));
  return beyond.reduce((inner, { axis, places }) => {
    const mask = graph.tensor(dtypes.bool, shape.map((size, k) => (k === axis ? size : 1)), Uint8Array.from(places, Number));
    return graph.add("Where", [mask, fill, inner]);
  }, value);
}

/** The elements of an axis at constant places: a view where they repeat evenly, else a lookup. */
export function pick(graph: GraphBuilder, name: string, axis: number, places: readonly number[]): string {
  const shape = graph.currentShape(name);
  const repeat = places.length / shape[axis]!;
  if (Number.isInteger(repeat) && places.every((at, k) => at === Math.floor(k / repeat))) {
    if (repeat === 1) return name;
    const apart = graph.reshape(name, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const repeated = graph.add("Expand", [apart, graph.integers([...shape.slice(0, axis + 1), repeat, ...shape.slice(axis + 1)])]);
    return graph.shaped(graph.reshape(repeated, shape.map((size, k) => (k === axis ? places.length : size))), shape.map((size, k) => (k === axis ? places.length : size)));
  }
  const picked = graph.add("Gather", [name, graph.integers(places)], { axis: { int: axis } });
  return graph.shaped(picked, shape.map((size, k) => (k === axis ? places.length : size)));
}

function scaleOf(graph: GraphBuilder, upsample: boolean, axis: number, source: readonly number[], target: readonly number[]): number {
  const { node } = graph;
  const axes = (intsAttribute(node, "axes") ?? source.map((_, k) => k)).map((k) => fromFront(k, source.length));
  const at = axes.indexOf(axis);
  if (at < 0) return 1;
  const given = upsample ? (graph.constant(1) ?? attribute(node, "scales")?.floats) : graph.constant(2);
  if (given !== undefined && given.length > 0) return given[at]!;
  const sizes = graph.constant(3);
  if (sizes === undefined) throw new Refusal("its scales or sizes are computed at run time");
  const policy = stringAttribute(node, "keep_aspect_ratio_policy", "stretch");
  if (policy === "stretch") return target[axis]! / source[axis]!;
  const scales = axes.map((k, i) => sizes[i]! / source[k]!);
  return policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
}

function place(k: number, { from, to, scale, crop }: Axis, transform: string): number {
  switch (transform) {
    case "half_pixel":
      return Math.fround((k + 0.5) / scale - 0.5);
    case "pytorch_half_pixel":
      return to > 1 ? Math.fround((k + 0.5) / scale - 0.5) : 0;
    case "half_pixel_symmetric": {
      const adjusted = to / (scale * from);
      return Math.fround((from / 2) * (1 - adjusted) + (k + 0.5) / scale - 0.5);
    }
    case "align_corners":
      return to === 1 ? 0 : Math.fround((k * (from - 1)) / (to - 1));
    case "tf_crop_and_resize": {
      const [start, end] = crop ?? [0, 1];
      return Math.fround(to > 1 ? start * (from - 1) + (k * (end - start) * (from - 1)) / (to - 1) : ((start + end) / 2) * (from - 1));
    }
    case "asymmetric":
      return Math.fround(k / scale);
    default:
      throw new Refusal(`its coordinate_transformation_mode ${JSON.stringify(transform)} is not supported`);
  }
}

function nearest(at: number, rounding: string, from: number): number {
  const index = { round_prefer_floor: Math.ceil(at - 0.5), round_prefer_ceil: Math.floor(at + 0.5), floor: Math.floor(at), ceil: Math.ceil(at) }[rounding];
  if (index === undefined) throw new Refusal(`its nearest_mode ${JSON.stringify(rounding)} is not supported`);
  return Math.min(Math.max(index, 0), from - 1);
}

/**
 * The matrix [from, to] that interpolates at the places; beyond the border the outermost element repeats. With `shrink` below 1 the kernel is
 * wider by as much, which smooths against aliasing.
 */
function weights(kind: "linear" | "cubic", places: readonly number[], from: number, graph: GraphBuilder, shrink: number): number[][] {
  const matrix = Array.from({ length: from }, () => places.map(() => 0));
  const exclude = intAttribute(graph.node, "exclude_outside", 0) !== 0;
  const a = floatAttribute(graph.node, "cubic_coeff_a", -0.75);
  const kernel = (distance: number): number => (kind === "linear" ? Math.max(0, 1 - distance) : cubic(distance, a));
  const reach = (kind === "linear" ? 1 : 2) / shrink;
  places.forEach((at, to) => {
    const point = kind === "linear" && shrink === 1 ? Math.min(Math.max(at, 0), from - 1) : at;
    const first = Math.floor(point - reach) + 1;
    const taps = Array.from({ length: Math.ceil(point + reach) - first }, (_, k): [number, number] => [first + k, kernel(Math.abs(first + k - point) * shrink)]);
    const inside = taps.filter(([index]) => !exclude || (index >= 0 && index < from));
    const total = exclude || shrink < 1 ? inside.reduce((sum, [, weight]) => sum + weight, 0) : 1;
    for (const [index, weight] of inside) matrix[Math.min(Math.max(index, 0), from - 1)]![to]! += weight / total;
  });
  return matrix;
}

/** Keys' cubic convolution kernel; IEEE Trans. ASSP 29(6), 1981. */
function cubic(x: number, a: number): number {
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}
