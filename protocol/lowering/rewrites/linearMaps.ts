import type { GraphBuilder } from "./graphBuilder.ts";

/** Multiplies one axis by a constant matrix [from, to]. */
export function applyAlongAxis(graph: GraphBuilder, name: string, axis: number, matrix: readonly (readonly number[])[]): string {
  const shape = graph.currentShape(name);
  const last = shape.length - 1;
  const swap = shape.map((_, k) => (k === axis ? last : k === last ? axis : k));
  const columns = matrix[0]!.length;
  const product = graph.add("MatMul", [graph.transpose(name, swap), graph.floats([matrix.length, columns], matrix.flat())]);
  return graph.shaped(graph.transpose(product, swap), shape.map((size, k) => (k === axis ? columns : size)));
}
