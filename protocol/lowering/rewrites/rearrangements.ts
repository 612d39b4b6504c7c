import { fromFront, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import { MAX_OPERANDS, Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { pick } from "./resizes.ts";

/** DepthToSpace, depth first or columns first. */
export function rewriteDepthToSpace(graph: GraphBuilder): boolean {
  const [n, c, h, w] = graph.shapeOf(graph.input(0)) as [number, number, number, number];
  const block = intAttribute(graph.node, "blocksize", 1);
  const depth = c / (block * block);
  const columnsFirst = stringAttribute(graph.node, "mode", "DCR") === "CRD";
  const apart = graph.reshape(graph.input(0), columnsFirst ? [n, depth, block, block, h, w] : [n, block, block, depth, h, w]);
  const moved = graph.transpose(apart, columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  graph.result(0, "Reshape", [moved, graph.integers([n, depth, h * block, w * block])]);
  return true;
}

/** SpaceToDepth. */
export function rewriteSpaceToDepth(graph: GraphBuilder): boolean {
  const [n, c, h, w] = graph.shapeOf(graph.input(0)) as [number, number, number, number];
  const block = intAttribute(graph.node, "blocksize", 1);
  const moved = graph.transpose(graph.reshape(graph.input(0), [n, c, h / block, block, w / block, block]), [0, 3, 5, 1, 2, 4]);
  graph.result(0, "Reshape", [moved, graph.integers([n, c * block * block, h / block, w / block])]);
  return true;
}

/** Pad that repeats what is there: reflect, edge, wrap. */
export function rewritePad(graph: GraphBuilder): boolean {
  const mode = stringAttribute(graph.node, "mode", "constant");
  if (mode === "constant") return false;
  const x = graph.input(0);
  const shape = graph.shapeOf(x);
  const pads = graph.constant(1) ?? intsAttribute(graph.node, "pads");
  if (pads === undefined) throw new Refusal("its list of pads is computed at run time");
  const axes = (graph.constant(3) ?? shape.map((_, k) => k)).map((axis) => fromFront(axis, shape.length));
  let value = x;
  axes.forEach((axis, k) => {
    const size = shape[axis]!;
    const [begin, end] = [pads[k]!, pads[axes.length + k]!];
    const places = Array.from({ length: begin + size + end }, (_, at) => source(at - begin, size, mode));
    if (places.some((at, place) => at !== place) || places.length !== size) value = pick(graph, value, axis, places);
  });
  graph.result(0, "Identity", [value]);
  return true;
}

function source(at: number, size: number, mode: string): number {
  if (mode === "edge") return Math.min(Math.max(at, 0), size - 1);
  const wrapped = (period: number): number => ((at % period) + period) % period;
  if (mode === "wrap") return wrapped(size);
  if (mode !== "reflect") throw new Refusal(`its mode ${JSON.stringify(mode)} is not supported`);
  if (size === 1) return 0;
  const place = wrapped(2 * size - 2);
  return place < size ? place : 2 * size - 2 - place;
}

/** Concat of more parts than a step has operands: joined in groups. */
export function rewriteConcat(graph: GraphBuilder): boolean {
  const parts = graph.node.input.filter((name) => name !== "" && graph.shapeOf(name).every((size) => size > 0));
  if (parts.length <= MAX_OPERANDS) return false;
  const axis = { axis: { int: intAttribute(graph.node, "axis", 1) } };
  graph.result(0, "Concat", joined(graph, parts, axis.axis.int), axis);
  return true;
}

/** At most as many parts as a step has operands, joined along an axis as often as it takes. */
export function joined(graph: GraphBuilder, parts: readonly string[], axis: number): string[] {
  let rest = [...parts];
  while (rest.length > MAX_OPERANDS) {
    const groups = Math.ceil(rest.length / MAX_OPERANDS);
    rest = Array.from({ length: groups }, (_, k) => graph.concat(rest.slice(k * MAX_OPERANDS, (k + 1) * MAX_OPERANDS), axis));
  }
  return rest;
}
