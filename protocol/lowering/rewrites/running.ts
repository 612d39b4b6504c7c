import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";
import { applyAlongAxis } from "./linearMaps.ts";

/** CumSum: of floats a triangular matrix of ones, of integers sums with ever longer shifts (Hillis and Steele, CACM 29(12), 1986). */
export function rewriteCumSum(graph: GraphBuilder): boolean {
  const { dtype, shape } = graph.typeOf(graph.input(0));
  const given = graph.constant(1)?.[0];
  if (given === undefined) throw new Refusal("it adds up along an axis that is computed at run time");
  const axis = fromFront(given, shape.length);
  const size = shape[axis]!;
  const exclusive = intAttribute(graph.node, "exclusive", 0);
  const reverse = intAttribute(graph.node, "reverse", 0) !== 0;
  if (dtype === dtypes.float32) {
    const matrix = Array.from({ length: size }, (_, from) => Array.from({ length: size }, (_, to) => ((reverse ? from - to : to - from) >= exclusive ? 1 : 0)));
    graph.result(0, "Identity", [applyAlongAxis(graph, graph.input(0), axis, matrix)]);
    return true;
  }
  if (dtype !== dtypes.int32 && dtype !== dtypes.int64) throw new Refusal(`it adds up element type ${dtype}; float32, int32 and int64 are supported`);
  const shifted = (name: string, by: number): string => {
    const zeros = shape.map((length, k) => (k === axis ? by : length));
    const empty = graph.tensor(dtype, zeros, new Uint8Array(zeros.reduce((a, b) => a * b, 1) * (dtype === dtypes.int32 ? 4 : 8)));
    const kept = graph.slice(name, axis, reverse ? by : 0, size - by);
    return graph.concat(reverse ? [kept, empty] : [empty, kept], axis);
  };
  let sum = exclusive === 0 ? graph.input(0) : size === 1 ? graph.add("Sub", [graph.input(0), graph.input(0)]) : shifted(graph.input(0), 1);
  for (let by = 1; by < size; by *= 2) sum = graph.add("Add", [sum, shifted(sum, by)]);
  graph.result(0, "Identity", [sum]);
  return true;
}
