import { attribute, intAttribute } from "../../onnx/attributes.ts";
import { makeNode } from "../../onnx/graphs.ts";
import { dtypes } from "../../program/types.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";

/** Splitting off a handful of terms commits more than it narrows. */
export const LEAST_TERMS = 16;

/** Parts that are added up at once; a step has room for them and for what comes behind. */
const WIDEST_SUM = 6;

/**
 * Contractions of floats with more than `limit` terms in parts of at most so many: steps of their own, whose results are then added up. The bound
 * of a sum grows with its terms times their magnitudes, so that the bounds of all parts together are narrower by about the number of the parts.
 */
export function partialSums(limit: number): ReadonlyMap<string, Rewrite> {
  return new Map([
    ["MatMul", (graph) => splitMatMul(graph, limit)],
    ["Gemm", (graph) => splitGemm(graph, limit)],
    ["Conv", (graph) => splitConv(graph, limit)],
  ]);
}

function splitMatMul(graph: GraphBuilder, limit: number): boolean {
  const [a, b] = [graph.input(0), graph.input(1)];
  const [left, right] = [graph.shapeOf(a), graph.shapeOf(b)];
  const segments = cut(graph, left.at(-1)!, limit);
  if (segments === undefined) return false;
  const rows = Math.max(0, right.length - 2);
  addUp(graph, segments.map(({ start, size }) => graph.add("MatMul", [graph.slice(a, left.length - 1, start, size), graph.slice(b, rows, start, size)])));
  return true;
}

function splitGemm(graph: GraphBuilder, limit: number): boolean {
  const { node } = graph;
  const axis = intAttribute(node, "transA", 0) === 0 ? 1 : 0;
  const other = intAttribute(node, "transB", 0) === 0 ? 0 : 1;
  const segments = cut(graph, graph.shapeOf(graph.input(0))[axis]!, limit);
  if (segments === undefined) return false;
  const addend = graph.has(2) && attribute(node, "beta")?.f !== 0 ? [graph.input(2)] : [];
  // Before opset 11 there is no Gemm without an addend.
  const none = graph.opset < 11 ? [graph.floats([1], [0])] : [];
  addUp(graph, segments.map(({ start, size }, k) => part(graph, "Gemm", [graph.slice(graph.input(0), axis, start, size), graph.slice(graph.input(1), other, start, size), ...(k === 0 && addend.length > 0 ? addend : none)])));
  return true;
}

function splitConv(graph: GraphBuilder, limit: number): boolean {
  const { node } = graph;
  const [x, w] = [graph.input(0), graph.input(1)];
  const kernel = graph.shapeOf(w);
  const taps = kernel.slice(2).reduce((product, size) => product * size, 1);
  if (intAttribute(node, "group", 1) !== 1 || limit < taps) return false;
  const segments = cut(graph, kernel[1]!, Math.floor(limit / taps), taps);
  if (segments === undefined) return false;
  addUp(graph, segments.map(({ start, size }, k) => part(graph, "Conv", [graph.slice(x, 1, start, size), graph.slice(w, 1, start, size), ...(k === 0 && graph.has(2) ? [graph.input(2)] : [])])));
  return true;
}

/** Even parts of at most `limit` places of the axis; undefined if nothing is to be split. */
function cut(graph: GraphBuilder, length: number, limit: number, taps = 1): { start: number; size: number }[] | undefined {
  if (graph.typeOf(graph.node.output[0]!).dtype !== dtypes.float32 || length <= limit || length * taps < 2 * LEAST_TERMS) return undefined;
  const count = Math.ceil(length / limit);
  const ends = Array.from({ length: count + 1 }, (_, k) => Math.round((k * length) / count));
  return ends.slice(1).map((end, k) => ({ start: ends[k]!, size: end - ends[k]! }));
}

/** The sum of the parts, in groups where they are many. */
function addUp(graph: GraphBuilder, parts: readonly string[]): void {
  let rest = [...parts];
  while (rest.length > WIDEST_SUM) {
    const groups = Math.ceil(rest.length / WIDEST_SUM);
    rest = Array.from({ length: groups }, (_, k) => rest.slice(Math.round((k * rest.length) / groups), Math.round(((k + 1) * rest.length) / groups))).map((group) => (group.length === 1 ? group[0]! : graph.add("Sum", group)));
  }
  graph.result(0, "Sum", rest);
}

/** The node again on other inputs. */
function part(graph: GraphBuilder, opType: string, inputs: readonly string[]): string {
  const name = `${graph.prefix(opType)}/part`;
  const copy = makeNode(opType, inputs, [name], {}, `${name}/${opType}`);
  copy.attribute = graph.node.attribute.filter((each) => each.name !== "beta");
  graph.push(copy);
  return name;
}
