import { intAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { int64, linearIndex } from "./scatters.ts";

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** GatherND: a lookup along the flattened leading axes; those of a batch have their place in it added. */
export function rewriteGatherNd(graph: GraphBuilder): boolean {
  const batch = intAttribute(graph.node, "batch_dims", 0);
  const [data, indices] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(1))];
  const depth = indices.at(-1)!;
  const count = product(indices) / depth;
  const leading = data.slice(0, batch + depth);
  const [batches, sizes] = [product(data.slice(0, batch)), data.slice(batch, batch + depth)];
  const first = Array.from({ length: count }, (_, m) => Math.floor(m / (count / batches)) * product(sizes));
  const constant = graph.constant(1);
  let places: string;
  if (constant !== undefined) {
    const linear = first.map((start, m) => start + sizes.reduce((sum, size, k) => sum * size + (constant[m * depth + k]! < 0 ? constant[m * depth + k]! + size : constant[m * depth + k]!), 0));
    places = graph.integers(linear, indices.slice(0, -1));
  } else {
    const own = linearIndex(graph, graph.reshape(int64(graph, 1), [count, depth]), sizes);
    places = graph.reshape(batch === 0 ? own : graph.add("Add", [own, graph.integers(first, [count, 1])]), indices.slice(0, -1));
  }
  const flat = graph.reshape(graph.input(0), [product(leading), ...data.slice(batch + depth)]);
  graph.result(0, "Gather", [flat, places], { axis: { int: 0 } });
  return true;
}

/** Compress with a constant condition. */
export function rewriteCompress(graph: GraphBuilder): boolean {
  const condition = graph.constant(1);
  if (condition === undefined) throw new Refusal("its condition is computed at run time, and the shape of its result with it; keep all elements and mask them with Where");
  const kept = condition.flatMap((value, place) => (value === 0 ? [] : [place]));
  const shape = graph.shapeOf(graph.input(0));
  const axis = graph.node.attribute.find(({ name }) => name === "axis");
  if (kept.length === 0) throw new Refusal("it keeps nothing");
  const source = axis === undefined ? graph.reshape(graph.input(0), [product(shape)]) : graph.input(0);
  graph.result(0, "Gather", [source, graph.integers(kept)], { axis: { int: axis === undefined ? 0 : Number(axis.i) } });
  return true;
}

/** ReverseSequence: each batch's leading places in the opposite order, by a lookup. */
export function rewriteReverseSequence(graph: GraphBuilder): boolean {
  const shape = graph.shapeOf(graph.input(0));
  const [time, batch] = [intAttribute(graph.node, "time_axis", 0), intAttribute(graph.node, "batch_axis", 1)];
  const [length, batches] = [shape[time]!, shape[batch]!];
  const order = [time, batch, ...shape.map((_, k) => k).filter((k) => k !== time && k !== batch)];
  const rows = graph.reshape(graph.transpose(graph.input(0), order), [length * batches, ...order.slice(2).map((k) => shape[k]!)]);
  const own = graph.integers(Array.from({ length }, (_, t) => t), [length, 1]);
  const ends = graph.reshape(int64(graph, 1), [1, batches]);
  const turned = graph.add("Sub", [graph.add("Sub", [ends, graph.integers([1], [])]), own]);
  const source = graph.add("Where", [graph.add("Less", [own, ends]), turned, own]);
  const places = graph.add("Add", [graph.add("Mul", [source, graph.integers([batches], [])]), graph.integers(Array.from({ length: batches }, (_, b) => b), [1, batches])]);
  const moved = graph.add("Gather", [rows, places], { axis: { int: 0 } });
  graph.result(0, "Transpose", [moved], { perm: { ints: shape.map((_, k) => order.indexOf(k)) } });
  return true;
}
