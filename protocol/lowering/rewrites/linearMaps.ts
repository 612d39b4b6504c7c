import { intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
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

/** CumSum of floats: a triangular matrix of ones. */
export function rewriteCumSum(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const { dtype, shape } = graph.typeOf(x);
  const given = graph.constant(1)?.[0];
  if (dtype !== dtypes.float32 || given === undefined) throw new Refusal("it adds up integers, or along an axis that is computed at run time");
  const axis = given < 0 ? given + shape.length : given;
  const size = shape[axis]!;
  const exclusive = intAttribute(graph.node, "exclusive", 0);
  const reverse = intAttribute(graph.node, "reverse", 0) !== 0;
  const matrix = Array.from({ length: size }, (_, from) => Array.from({ length: size }, (_, to) => ((reverse ? from - to : to - from) >= exclusive ? 1 : 0)));
  graph.result(0, "Identity", [applyAlongAxis(graph, x, axis, matrix)]);
  return true;
}
