import { fromFront, intAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import { rowMajorStrides } from "../indexMap.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** Elements of the comparison of each place with each computed index; it is committed, 8 bytes each. */
const LARGEST_COMPARISON = 2 ** 21;

/** Updates of one place that are applied one after the other. */
const MOST_ROUNDS = 16;

type Reduction = "none" | "add" | "mul" | "max" | "min";

const operators = { add: "Add", mul: "Mul", max: "Max", min: "Min" } as const;

/** Rows, numbered through, that rows of updates go to. */
interface Rows {
  data: string;
  updates: string;
  places: number;
  count: number;
  width: number;
}

/** ScatterElements, and Scatter before it. */
export function rewriteScatterElements(graph: GraphBuilder): boolean {
  const reduction = reductionOf(graph);
  const [data, indices] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(1))];
  const axis = fromFront(intAttribute(graph.node, "axis", 0), data.length);
  const constant = graph.constant(1);
  if (constant === undefined) return scatterLines(graph, reduction, axis, data, indices);
  const [from, to] = [rowMajorStrides(indices), rowMajorStrides(data)];
  const targets = constant.map((index, p) =>
    indices.reduce((sum, size, k) => sum + to[k]! * (k === axis ? fromFront(index, data[axis]!) : Math.floor(p / from[k]!) % size), 0),
  );
  const [places, count] = [product(data), constant.length];
  const rows: Rows = { data: graph.reshape(graph.input(0), [places, 1]), updates: graph.reshape(graph.input(2), [count, 1]), places, count, width: 1 };
  graph.result(0, "Reshape", [scatterRows(graph, reduction, rows, targets), graph.integers(data)]);
  return true;
}

/** ScatterND: whole rows, numbered by the leading axes. */
export function rewriteScatterNd(graph: GraphBuilder): boolean {
  const reduction = reductionOf(graph);
  const [data, indices] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(1))];
  const depth = indices.at(-1)!;
  const [places, width] = [product(data.slice(0, depth)), product(data.slice(depth))];
  const count = product(indices) / depth;
  const rows: Rows = { data: graph.reshape(graph.input(0), [places, width]), updates: graph.reshape(graph.input(2), [count, width]), places, count, width };
  const constant = graph.constant(1);
  const sizes = data.slice(0, depth);
  const result =
    constant === undefined
      ? scatterComputed(graph, reduction, rows, linearIndex(graph, graph.reshape(int64(graph, 1), [count, depth]), sizes))
      : scatterRows(graph, reduction, rows, Array.from({ length: count }, (_, m) => sizes.reduce((sum, size, k) => sum * size + wrapped(constant[m * depth + k]!, size), 0)));
  graph.result(0, "Reshape", [result, graph.integers(data)]);
  return true;
}

/** TensorScatter: each batch's updates at its own place of a cache, going round at the end if the cache is circular. */
export function rewriteTensorScatter(graph: GraphBuilder): boolean {
  const [cache, updates] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(1))];
  const axis = fromFront(intAttribute(graph.node, "axis", -2), cache.length);
  const [batch, size, length] = [cache[0]!, cache[axis]!, updates[axis]!];
  const order = [0, axis, ...cache.map((_, k) => k).filter((k) => k !== 0 && k !== axis)];
  const rest = order.slice(2).map((k) => cache[k]!);
  const rows = (name: string, count: number): string => graph.reshape(graph.transpose(name, order), [batch * count, product(rest)]);
  const joined = graph.concat([rows(graph.input(0), size), rows(graph.input(1), length)], 0);
  const places = graph.integers(Array.from({ length: size }, (_, p) => p), [1, size]);
  const start = graph.has(2) ? graph.reshape(int64(graph, 2), [batch, 1]) : graph.integers(new Array<number>(batch).fill(0), [batch, 1]);
  let offset = graph.add("Sub", [places, start]);
  if (stringAttribute(graph.node, "mode", "linear") === "circular") offset = graph.add("Where", [graph.add("Less", [offset, graph.integers([0], [])]), graph.add("Add", [offset, graph.integers([size], [])]), offset]);
  const hit = graph.add("And", [graph.add("Less", [graph.integers([-1], []), offset]), graph.add("Less", [offset, graph.integers([length], [])])]);
  const batches = (start: number, step: number): string => graph.integers(Array.from({ length: batch }, (_, b) => start + b * step), [batch, 1]);
  const source = graph.add("Where", [hit, graph.add("Add", [offset, batches(batch * size, length)]), graph.add("Add", [places, batches(0, size)])]);
  const moved = graph.reshape(graph.add("Gather", [joined, source], { axis: { int: 0 } }), [batch, size, ...rest]);
  graph.result(0, "Transpose", [moved], { perm: { ints: cache.map((_, k) => order.indexOf(k)) } });
  return true;
}

/** Row numbers from indices `[count, sizes.length]`, of which negative ones count from the end. */
export function linearIndex(graph: GraphBuilder, indices: string, sizes: readonly number[]): string {
  const zero = graph.integers([0], []);
  const parts = sizes.map((size, k) => {
    const index = graph.slice(indices, 1, k, 1);
    const wrapped = graph.add("Where", [graph.add("Less", [index, zero]), graph.add("Add", [index, graph.integers([size], [])]), index]);
    const stride = product(sizes.slice(k + 1));
    return stride === 1 ? wrapped : graph.add("Mul", [wrapped, graph.integers([stride], [])]);
  });
  return parts.reduce((left, right) => graph.add("Add", [left, right]));
}

/** Input `k` as int64. */
export function int64(graph: GraphBuilder, k: number): string {
  return graph.typeOf(graph.input(k)).dtype === dtypes.int64 ? graph.input(k) : graph.add("Cast", [graph.input(k)], { to: { int: dtypes.int64 } });
}

/** Rows at constant places: a lookup among data and updates; with a reduction one lookup for each update of the same place. */
function scatterRows(graph: GraphBuilder, reduction: Reduction, { data, updates, places, count, width }: Rows, targets: readonly number[]): string {
  if (targets.some((target) => target < 0 || target >= places)) throw new Refusal("its constant indices leave the tensor");
  const rounds: (number | undefined)[][] = [];
  targets.forEach((target, m) => {
    let round = rounds.find((taken) => taken[target] === undefined);
    // Without a reduction the last update of a place counts.
    if (round === undefined || reduction === "none") round = rounds[0] !== undefined && reduction === "none" ? rounds[0] : (rounds[rounds.push(new Array<undefined>(places)) - 1] as (number | undefined)[]);
    round[target] = m;
  });
  if (rounds.length > MOST_ROUNDS) throw new Refusal(`it updates a place ${rounds.length} times; at most ${MOST_ROUNDS} are supported`);
  if (reduction === "none") {
    const joined = graph.concat([data, updates], 0);
    return graph.add("Gather", [joined, graph.integers(Array.from({ length: places }, (_, n) => (rounds[0]?.[n] === undefined ? n : places + rounds[0][n])))], { axis: { int: 0 } });
  }
  const padded = graph.concat([updates, neutralRow(graph, reduction, width)], 0);
  return rounds.reduce((value, round) => {
    const source = graph.integers(Array.from({ length: places }, (_, n) => round[n] ?? count));
    return graph.add(operators[reduction], [value, graph.add("Gather", [padded, source], { axis: { int: 0 } })]);
  }, data);
}

/** Rows at computed places `[count, 1]`: each place looks for the last update that names it. */
function scatterComputed(graph: GraphBuilder, reduction: Reduction, { data, updates, places, count }: Rows, target: string): string {
  checkSize(places * count);
  const own = Array.from({ length: places }, (_, n) => n);
  const hits = graph.add("Equal", [graph.integers(own, [places, 1]), graph.reshape(target, [1, count])]);
  if (reduction === "add" && graph.typeOf(graph.input(0)).dtype === dtypes.float32) {
    return graph.add("Add", [graph.add("MatMul", [graph.add("Cast", [hits], { to: { int: dtypes.float32 } }), updates]), data]);
  }
  if (reduction !== "none") throw new Refusal(`it reduces by ${JSON.stringify(reduction)} at places that are computed at run time`);
  const numbers = graph.integers(Array.from({ length: count }, (_, m) => m + 1), [1, count]);
  const last = graph.reshape(graph.reduce("ReduceMax", graph.add("Where", [hits, numbers, graph.integers([0], [])]), [1]), [places]);
  const source = graph.add("Where", [graph.add("Less", [graph.integers([0], []), last]), graph.add("Add", [last, graph.integers([places - 1], [])]), graph.integers(own)]);
  return graph.add("Gather", [graph.concat([data, updates], 0), source], { axis: { int: 0 } });
}

/** ScatterElements at computed places: every line along the axis by itself. */
function scatterLines(graph: GraphBuilder, reduction: Reduction, axis: number, data: readonly number[], indices: readonly number[]): boolean {
  if (data.some((size, k) => k !== axis && size !== indices[k])) throw new Refusal("its indices are computed at run time and cover only a part of the other axes");
  const [size, count] = [data[axis]!, indices[axis]!];
  const lines = product(data) / size;
  checkSize(lines * size * count);
  const order = [...data.keys()].filter((k) => k !== axis).concat(axis);
  const line = (name: string, width: number): string => graph.reshape(graph.transpose(name, order), [lines, width]);
  const [values, updates, index] = [line(graph.input(0), size), line(graph.input(2), count), line(int64(graph, 1), count)];
  const zero = graph.integers([0], []);
  const target = graph.add("Where", [graph.add("Less", [index, zero]), graph.add("Add", [index, graph.integers([size], [])]), index]);
  const own = Array.from({ length: size }, (_, n) => n);
  const hits = graph.add("Equal", [graph.integers(own, [1, size, 1]), graph.reshape(target, [lines, 1, count])]);
  let result: string;
  if (reduction === "none") {
    const numbers = graph.integers(Array.from({ length: count }, (_, m) => m + 1), [1, 1, count]);
    const last = graph.reshape(graph.reduce("ReduceMax", graph.add("Where", [hits, numbers, zero]), [2]), [lines, size]);
    const source = graph.add("Where", [graph.add("Less", [zero, last]), graph.add("Add", [last, graph.integers([size - 1], [])]), graph.integers(own, [1, size])]);
    result = graph.add("GatherElements", [graph.concat([values, updates], 1), source], { axis: { int: 1 } });
  } else if (reduction === "mul") throw new Refusal('it reduces by "mul" at places that are computed at run time');
  else {
    const chosen = graph.add("Where", [hits, graph.reshape(updates, [lines, 1, count]), neutral(graph, reduction, [])]);
    const reduced = graph.reshape(graph.reduce(reduction === "add" ? "ReduceSum" : reduction === "max" ? "ReduceMax" : "ReduceMin", chosen, [2]), [lines, size]);
    result = graph.add(operators[reduction], [reduced, values]);
  }
  const apart = graph.reshape(result, order.map((k) => data[k]!));
  graph.result(0, "Transpose", [apart], { perm: { ints: data.map((_, k) => order.indexOf(k)) } });
  return true;
}

function reductionOf(graph: GraphBuilder): Reduction {
  const reduction = stringAttribute(graph.node, "reduction", "none");
  if (reduction !== "none" && !(reduction in operators)) throw new Refusal(`its reduction ${JSON.stringify(reduction)} is unknown`);
  return reduction as Reduction;
}

function neutralRow(graph: GraphBuilder, reduction: Exclude<Reduction, "none">, width: number): string {
  return neutral(graph, reduction, [1, width]);
}

/** What changes nothing when it is added, multiplied, or compared. */
function neutral(graph: GraphBuilder, reduction: Exclude<Reduction, "none">, shape: readonly number[]): string {
  const { dtype } = graph.typeOf(graph.input(0));
  const count = product(shape);
  const floats = { add: 0, mul: 1, max: -Infinity, min: Infinity }[reduction];
  if (dtype === dtypes.float32) return graph.floats(shape, new Float32Array(count).fill(floats));
  if (dtype !== dtypes.int64 && dtype !== dtypes.int32) throw new Refusal("it reduces elements that are neither float32 nor int32 nor int64");
  const bits = dtype === dtypes.int64 ? 64n : 32n;
  const value = { add: 0n, mul: 1n, max: -(2n ** (bits - 1n)), min: 2n ** (bits - 1n) - 1n }[reduction];
  const values = dtype === dtypes.int64 ? new BigInt64Array(count).fill(value) : new Int32Array(count).fill(Number(value));
  return graph.tensor(dtype, shape, new Uint8Array(values.buffer));
}

function checkSize(elements: number): void {
  if (elements > LARGEST_COMPARISON) throw new Refusal(`its indices are computed at run time and would be compared with ${elements} places; at most ${LARGEST_COMPARISON} are supported`);
}

function wrapped(index: number, size: number): number {
  return fromFront(index, size);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}
