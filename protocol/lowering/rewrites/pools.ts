import { intAttribute, intsAttribute, stringAttribute, type AttributeValue } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { joined } from "./rearrangements.ts";

/** Places of a window that are compared one by one. */
const LARGEST_WINDOW = 64;

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** LpPool: powers, summed by a convolution with ones, and the root. */
export function rewriteLpPool(graph: GraphBuilder): boolean {
  const { node } = graph;
  const channels = graph.shapeOf(graph.input(0))[1]!;
  if (intAttribute(node, "ceil_mode", 0) !== 0) throw new Refusal("it rounds its size up");
  const kernel = kernelOf(graph);
  const ones = graph.floats([channels, 1, ...kernel], new Float32Array(channels * product(kernel)).fill(1));
  const attributes = { ...windowAttributes(graph), kernel_shape: { ints: kernel }, group: { int: channels } };
  withNorm(graph, (powers) => graph.add("Conv", [powers, ones], attributes));
  return true;
}

/** GlobalLpPool: the same over the whole plane. */
export function rewriteGlobalLpPool(graph: GraphBuilder): boolean {
  const axes = graph.shapeOf(graph.input(0)).slice(2).map((_, k) => k + 2);
  withNorm(graph, (powers) => graph.reduce("ReduceSum", powers, axes));
  return true;
}

/** MaxPool whose Indices are read: each place of the window as a view of its own, and the first of the largest. */
export function rewriteMaxPool(graph: GraphBuilder): boolean {
  if (!graph.wants(1)) return false;
  const { node } = graph;
  const { dtype, shape } = graph.typeOf(graph.input(0));
  const [outer, spatial, target] = [shape.slice(0, 2), shape.slice(2), graph.shapeOf(node.output[1]!).slice(2)];
  const kernel = kernelOf(graph);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const taps = product(kernel);
  if (dtype !== dtypes.float32 || taps > LARGEST_WINDOW || graph.opset < 11) throw new Refusal(`its Indices are read; that is supported from opset 11 on for float32 and windows of at most ${LARGEST_WINDOW} places`);
  if (intAttribute(node, "storage_order", 0) !== 0 || !["NOTSET", "VALID"].includes(stringAttribute(node, "auto_pad", "NOTSET"))) throw new Refusal("its Indices are read, and it counts columns first or pads by itself");
  const begins = intsAttribute(node, "pads")?.slice(0, kernel.length) ?? kernel.map(() => 0);
  const ends = target.map((count, k) => Math.max(0, (count - 1) * strides[k]! + (kernel[k]! - 1) * dilations[k]! + 1 - begins[k]! - spatial[k]!));
  const isPadded = [...begins, ...ends].some((pad) => pad > 0);
  const padded = isPadded ? graph.add("Pad", [graph.input(0), graph.integers([0, 0, ...begins, 0, 0, ...ends]), graph.scalar(-Infinity)]) : graph.input(0);
  const inner = (sizes: readonly number[], k: number): number => product(sizes.slice(k + 1));
  const taken = Array.from({ length: taps }, (_, tap) => kernel.map((size, k) => Math.floor(tap / inner(kernel, k)) % size));
  const parts = taken.map((places) =>
    graph.reshape(places.reduce((value, place, k) => graph.slice(value, 2 + k, place * dilations[k]!, target[k]!, strides[k]), padded), [...outer, 1, product(target)]),
  );
  const first = graph.add("ArgMax", [graph.concat(joined(graph, parts, 2), 2)], { axis: { int: 2 } });
  const offsets = taken.map((places) => places.reduce((sum, place, k) => sum + place * dilations[k]! * inner(spatial, k), 0));
  const [planes, places] = [product(outer), product(target)];
  const bases = Array.from({ length: planes * places }, (_, at) =>
    target.reduce((sum, size, k) => sum + ((Math.floor((at % places) / inner(target, k)) % size) * strides[k]! - begins[k]!) * inner(spatial, k), Math.floor(at / places) * product(spatial)),
  );
  const found = graph.add("Add", [graph.add("Gather", [graph.integers(offsets), first], { axis: { int: 0 } }), graph.integers(bases, [...outer, 1, places])]);
  graph.result(1, "Reshape", [found, graph.integers([...outer, ...target])]);
  if (graph.wants(0)) graph.result(0, "MaxPool", [graph.input(0)], { ...windowAttributes(graph), kernel_shape: { ints: kernel }, ceil_mode: { int: intAttribute(node, "ceil_mode", 0) } });
  return true;
}

/** MaxUnpool: each element where its index says, among zeros. */
export function rewriteMaxUnpool(graph: GraphBuilder): boolean {
  const [values, result] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.node.output[0]!)];
  if (graph.has(2)) {
    // Indices count in the smaller plane that the kernel gives, which stands in the upper corner of the one asked for.
    const kernel = kernelOf(graph);
    const pads = intsAttribute(graph.node, "pads") ?? [...kernel, ...kernel].map(() => 0);
    const strides = intsAttribute(graph.node, "strides") ?? kernel.map(() => 1);
    const plain = kernel.map((size, k) => (values[2 + k]! - 1) * strides[k]! - pads[k]! - pads[kernel.length + k]! + size);
    if (plain.some((size, k) => size !== result[2 + k])) throw new Refusal("its output shape is not the one that its kernel gives");
  }
  const flat = (name: string, shape: readonly number[]): string => graph.reshape(name, [product(shape)]);
  const zeros = graph.floats([product(result)], new Float32Array(product(result)));
  const placed = graph.add("ScatterElements", [zeros, flat(graph.input(1), values), flat(graph.input(0), values)], { axis: { int: 0 } });
  graph.result(0, "Reshape", [placed, graph.integers(result)]);
  return true;
}

/** Col2Im: a transposed convolution whose filters put each column's elements where they came from. */
export function rewriteCol2Im(graph: GraphBuilder): boolean {
  const { node } = graph;
  const [image, block] = [graph.constant(1), graph.constant(2)];
  if (image === undefined || block === undefined) throw new Refusal("its image or block shape is computed at run time");
  const [batch, rows] = graph.shapeOf(graph.input(0)) as [number, number, number];
  const taps = product(block);
  const channels = rows / taps;
  const strides = intsAttribute(node, "strides") ?? block.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? block.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? [...block, ...block].map(() => 0);
  const reach = block.map((size, k) => (size - 1) * dilations[k]! + 1);
  const columns = image.map((size, k) => Math.floor((size + pads[k]! + pads[block.length + k]! - reach[k]!) / strides[k]!) + 1);
  const filters = Float32Array.from({ length: rows * taps }, (_, at) => (Math.floor(at / taps) % taps === at % taps ? 1 : 0));
  const left = image.map((size, k) => size + pads[k]! + pads[block.length + k]! - ((columns[k]! - 1) * strides[k]! + reach[k]!));
  graph.result(0, "ConvTranspose", [graph.reshape(graph.input(0), [batch, rows, ...columns]), graph.floats([rows, 1, ...block], filters)], {
    group: { int: channels },
    kernel_shape: { ints: block },
    strides: { ints: strides },
    dilations: { ints: dilations },
    pads: { ints: pads },
    output_padding: { ints: left },
  });
  return true;
}

function withNorm(graph: GraphBuilder, sum: (powers: string) => string): void {
  const p = intAttribute(graph.node, "p", 2);
  const x = graph.input(0);
  if (graph.typeOf(x).dtype !== dtypes.float32) throw new Refusal("its elements are not float32");
  if (p === 1) graph.result(0, "Identity", [sum(graph.add("Abs", [x]))]);
  else if (p === 2) graph.result(0, "Sqrt", [sum(graph.add("Mul", [x, x]))]);
  else graph.result(0, "Pow", [sum(graph.add("Pow", [graph.add("Abs", [x]), graph.scalar(p)])), graph.scalar(1 / p)]);
}

function windowAttributes({ node }: GraphBuilder): Record<string, AttributeValue> {
  const kept: Record<string, AttributeValue> = {};
  for (const name of ["pads", "strides", "dilations"]) {
    const values = intsAttribute(node, name);
    if (values !== undefined) kept[name] = { ints: values };
  }
  const mode = stringAttribute(node, "auto_pad", "NOTSET");
  return mode === "NOTSET" ? kept : { ...kept, auto_pad: { string: mode } };
}

function kernelOf({ node }: GraphBuilder): number[] {
  const kernel = intsAttribute(node, "kernel_shape");
  if (kernel === undefined) throw new Refusal("it has no kernel_shape");
  return kernel;
}
