import { intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** ConvTranspose with constant weights: zeros between the elements, then a convolution with the filters turned round. */
export function rewriteConvTranspose(graph: GraphBuilder): boolean {
  const { node } = graph;
  const x = graph.input(0);
  const weights = graph.constant(1);
  if (weights === undefined) throw new Refusal("its weights are computed at run time");
  const [source, kernelShape, target] = [graph.shapeOf(x), graph.shapeOf(graph.input(1)), graph.shapeOf(node.output[0]!)];
  const kernel = kernelShape.slice(2);
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const group = intAttribute(node, "group", 1);
  const begins = kernel.map((taps, k) => beginPad(graph, k, { from: source[2 + k]!, to: target[2 + k]!, stride: strides[k]!, reach: (taps - 1) * dilations[k]! + 1 }));
  let value = spread(graph, x, source, strides);
  const pads = kernel.map((taps, k): [number, number] => {
    const reach = (taps - 1) * dilations[k]!;
    const begin = reach - begins[k]!;
    return [begin, target[2 + k]! + reach - begin - source[2 + k]! * strides[k]!];
  });
  pads.forEach(([begin, end], k) => {
    if (begin >= 0 && end >= 0) return;
    const start = Math.max(0, -begin);
    value = graph.slice(value, 2 + k, start, source[2 + k]! * strides[k]! - start - Math.max(0, -end));
  });
  const turned = turnedFilters(weights, kernelShape, group);
  const inputs = [value, graph.floats(turned.shape, turned.values), ...(graph.has(2) ? [graph.input(2)] : [])];
  const kept = pads.map(([begin, end]) => [Math.max(0, begin), Math.max(0, end)] as const);
  graph.result(0, "Conv", inputs, { group: { int: group }, dilations: { ints: dilations }, kernel_shape: { ints: kernel }, pads: { ints: [...kept.map(([begin]) => begin), ...kept.map(([, end]) => end)] } });
  return true;
}

/** Each element followed by `stride − 1` zeros along each spatial axis. */
function spread(graph: GraphBuilder, x: string, shape: readonly number[], strides: readonly number[]): string {
  if (strides.every((stride) => stride === 1)) return x;
  const apart = graph.reshape(x, [shape[0]!, shape[1]!, ...strides.flatMap((_, k) => [shape[2 + k]!, 1])]);
  const ends = [0, 0, ...strides.flatMap((stride) => [0, stride - 1])];
  const pads = [...ends.map(() => 0), ...ends];
  const padded = graph.opset < 11 ? graph.add("Pad", [apart], { pads: { ints: pads } }) : graph.add("Pad", [apart, graph.integers(pads)]);
  return graph.reshape(padded, [shape[0]!, shape[1]!, ...strides.map((stride, k) => shape[2 + k]! * stride)]);
}

function beginPad(graph: GraphBuilder, k: number, { from, to, stride, reach }: { from: number; to: number; stride: number; reach: number }): number {
  const { node } = graph;
  const mode = stringAttribute(node, "auto_pad", "NOTSET");
  const fixed = intsAttribute(node, "output_shape") !== undefined || mode.startsWith("SAME");
  if (!fixed) return intsAttribute(node, "pads")?.[k] ?? 0;
  const total = stride * (from - 1) + (intsAttribute(node, "output_padding")?.[k] ?? 0) + reach - to;
  const half = Math.trunc(Math.max(0, total) / 2);
  return mode === "SAME_UPPER" ? half : Math.max(0, total) - half;
}

/** `[C, M/g, …]` as `[M, C/g, …]` with every spatial axis reversed. */
function turnedFilters(values: readonly number[], shape: readonly number[], group: number): { shape: number[]; values: Float32Array } {
  const [channels, filters] = [shape[0]!, shape[1]!];
  const area = shape.slice(2).reduce((a, b) => a * b, 1);
  const perGroup = channels / group;
  const result = new Float32Array(values.length);
  for (let c = 0; c < channels; c++) {
    for (let m = 0; m < filters; m++) {
      const row = ((Math.floor(c / perGroup) * filters + m) * perGroup + (c % perGroup)) * area;
      // Reversing every spatial axis reverses their row-major order.
      for (let i = 0; i < area; i++) result[row + area - 1 - i] = values[(c * filters + m) * area + i]!;
    }
  }
  return { shape: [filters * group, perGroup, ...shape.slice(2)], values: result };
}
