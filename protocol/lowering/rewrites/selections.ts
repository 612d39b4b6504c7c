import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { joined } from "./rearrangements.ts";

/** Each of the k rounds commits the tensor once more. */
const LARGEST_K = 512;
const MOST_ELEMENTS = 2 ** 24;

/** Trilu: what lies beyond the diagonal becomes zero. */
export function rewriteTrilu(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const { dtype, shape } = graph.typeOf(x);
  const k = graph.has(1) ? graph.constant(1)?.[0] : 0;
  if (k === undefined || (dtype !== dtypes.float32 && dtype !== dtypes.int64)) throw new Refusal("its diagonal is computed at run time, or its elements are neither float32 nor int64");
  const upper = intAttribute(graph.node, "upper", 1) !== 0;
  const [rows, columns] = shape.slice(-2) as [number, number];
  const keep = Uint8Array.from({ length: rows * columns }, (_, at) => {
    const diagonal = (at % columns) - Math.floor(at / columns) - k;
    return (upper ? diagonal >= 0 : diagonal <= 0) ? 1 : 0;
  });
  graph.result(0, "Where", [graph.tensor(dtypes.bool, [rows, columns], keep), x, dtype === dtypes.float32 ? graph.scalar(0) : graph.integers([0], [])]);
  return true;
}

/** OneHot: a comparison with the numbers of the classes; negative indices count from the end. */
export function rewriteOneHot(graph: GraphBuilder): boolean {
  const depth = graph.constant(1)?.[0];
  const indices = graph.input(0);
  const { dtype, shape } = graph.typeOf(indices);
  if (depth === undefined) throw new Refusal("its depth is computed at run time");
  const axis = fromFront(intAttribute(graph.node, "axis", -1), shape.length + 1);
  const whole = dtype === dtypes.int64 ? indices : graph.add("Cast", [indices], { to: { int: dtypes.int64 } });
  const apart = graph.reshape(whole, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
  const classes = Array.from({ length: depth }, (_, k) => k);
  const along = [depth, ...shape.slice(axis).map(() => 1)];
  const fromStart = graph.add("Equal", [apart, graph.integers(classes, along)]);
  const fromEnd = graph.add("Equal", [apart, graph.integers(classes.map((k) => k - depth), along)]);
  const value = (k: number): string => graph.slice(graph.input(2), 0, k, 1);
  graph.result(0, "Where", [graph.add("Or", [fromStart, fromEnd]), value(1), value(0)]);
  return true;
}

/** Hardmax: one at the first largest element. */
export function rewriteHardmax(graph: GraphBuilder): boolean {
  if (graph.opset < 13) throw new Refusal("it flattens its input, as before opset 13");
  const x = graph.input(0);
  const shape = graph.shapeOf(x);
  const axis = fromFront(intAttribute(graph.node, "axis", -1), shape.length);
  const top = graph.add("ArgMax", [x], { axis: { int: axis } });
  const classes = graph.integers(Array.from({ length: shape[axis]! }, (_, k) => k), [shape[axis]!, ...shape.slice(axis + 1).map(() => 1)]);
  graph.result(0, "Where", [graph.add("Equal", [top, classes]), graph.scalar(1), graph.scalar(0)]);
  return true;
}

/** TopK for constant k: the largest is taken out again and again. */
export function rewriteTopK(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const { dtype, shape } = graph.typeOf(x);
  const k = graph.has(1) ? graph.constant(1)?.[0] : intAttribute(graph.node, "k", 0);
  if (k === undefined) throw new Refusal("its k is computed at run time");
  if (dtype !== dtypes.float32 && dtype !== dtypes.int64 && dtype !== dtypes.int32) throw new Refusal(`it orders element type ${dtype}; float32, int32 and int64 are supported`);
  if (k > LARGEST_K || k * shape.reduce((a, b) => a * b, 1) > MOST_ELEMENTS) throw new Refusal(`it takes the first ${k} of ${shape.join("×")}; at most ${LARGEST_K}, and ${MOST_ELEMENTS} elements in all rounds together, are supported`);
  const axis = fromFront(intAttribute(graph.node, "axis", -1), shape.length);
  const largest = intAttribute(graph.node, "largest", 1) !== 0;
  const classes = graph.integers(Array.from({ length: shape[axis]! }, (_, place) => place), [shape[axis]!, ...shape.slice(axis + 1).map(() => 1)]);
  const [values, places]: [string[], string[]] = [[], []];
  // Stands for what was taken already; an element that equals it can be found twice.
  const taken = extremeOf(graph, dtype, !largest);
  let rest = x;
  for (let round = 0; round < k; round++) {
    places.push(graph.add(largest ? "ArgMax" : "ArgMin", [rest], { axis: { int: axis } }));
    values.push(graph.reduce(largest ? "ReduceMax" : "ReduceMin", rest, [axis]));
    if (round + 1 < k) rest = graph.add("Where", [graph.add("Equal", [places.at(-1)!, classes]), taken, rest]);
  }
  if (graph.wants(0)) graph.result(0, "Concat", joined(graph, values, axis), { axis: { int: axis } });
  if (graph.wants(1)) graph.result(1, "Concat", joined(graph, places, axis), { axis: { int: axis } });
  return true;
}

/** The largest or smallest number of a type. */
function extremeOf(graph: GraphBuilder, dtype: number, largest: boolean): string {
  if (dtype === dtypes.float32) return graph.scalar(largest ? Infinity : -Infinity);
  const value = largest ? 2n ** 63n - 1n : -(2n ** 63n);
  const values = dtype === dtypes.int64 ? BigInt64Array.of(value) : Int32Array.of(largest ? 2 ** 31 - 1 : -(2 ** 31));
  return graph.tensor(dtype, [], new Uint8Array(values.buffer));
}

/** Shape and Size, where shapes are fixed: constants. */
export function rewriteShape(graph: GraphBuilder): boolean {
  const shape = graph.shapeOf(graph.input(0));
  const clamp = (value: number): number => Math.min(Math.max(fromFront(value, shape.length), 0), shape.length);
  const kept = shape.slice(clamp(intAttribute(graph.node, "start", 0)), clamp(intAttribute(graph.node, "end", shape.length)));
  graph.result(0, "Identity", [graph.node.opType === "Size" ? graph.integers([shape.reduce((a, b) => a * b, 1)], []) : graph.integers(kept)]);
  return true;
}

/** LRN: squares averaged over a window of channels. */
export function rewriteLrn(graph: GraphBuilder): boolean {
  const shape = graph.shapeOf(graph.input(0));
  const size = intAttribute(graph.node, "size", 1);
  const number = (name: string, fallback: number): number => graph.node.attribute.find((attribute) => attribute.name === name)?.f ?? fallback;
  const squares = graph.reshape(graph.add("Mul", [graph.input(0), graph.input(0)]), [shape[0]!, 1, shape[1]!, shape.slice(2).reduce((a, b) => a * b, 1)]);
  const before = Math.floor((size - 1) / 2);
  const mean = graph.add("AveragePool", [squares], { kernel_shape: { ints: [size, 1] }, pads: { ints: [before, 0, size - 1 - before, 0] }, count_include_pad: { int: 1 } });
  const scaled = graph.add("Add", [graph.add("Mul", [graph.reshape(mean, shape), graph.scalar(number("alpha", 1e-4))]), graph.scalar(number("bias", 1))]);
  graph.result(0, "Div", [graph.input(0), graph.add("Pow", [scaled, graph.scalar(number("beta", 0.75))])]);
  return true;
}
