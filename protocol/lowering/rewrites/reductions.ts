import { fromFront, intAttribute, intsAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";

const LONGEST_PRODUCT = 16;
const LOWEST = -3.4028234663852886e38;

/** Sums of something elementwise: ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum, ReduceLogSumExp. */
export function sumOf(kind: "L1" | "L2" | "SumSquare" | "LogSum" | "LogSumExp"): Rewrite {
  return (graph) => {
    const x = graph.input(0);
    const { axes, keep } = axesOf(graph);
    if (axes.length === 0) return false;
    if (kind === "LogSumExp") {
      // Shifted by the largest, as kernels do, or by the lowest float where all are −∞.
      const top = graph.add("Max", [graph.reduce("ReduceMax", x, axes), graph.scalar(LOWEST)]);
      const sum = graph.reduce("ReduceSum", graph.add("Exp", [graph.add("Sub", [x, top])]), axes);
      const result = graph.add("Add", [graph.add("Log", [sum]), top]);
      graph.result(0, "Reshape", [result, graph.integers(graph.shapeOf(graph.node.output[0]!))]);
      return true;
    }
    const squared = kind === "L2" || kind === "SumSquare";
    const terms = kind === "L1" ? graph.add("Abs", [x]) : squared ? graph.add("Mul", [x, x]) : x;
    const sum = graph.reduce("ReduceSum", terms, axes, keep);
    graph.result(0, kind === "L2" ? "Sqrt" : kind === "LogSum" ? "Log" : "Identity", [sum]);
    return true;
  };
}

/** ReduceProd over few elements: their product one after the other. */
export function rewriteReduceProd(graph: GraphBuilder): boolean {
  const { axes } = axesOf(graph);
  const shape = graph.shapeOf(graph.input(0));
  const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
  if (count > LONGEST_PRODUCT || count === 0) throw new Refusal(`it multiplies ${count} elements; at most ${LONGEST_PRODUCT} are supported`);
  const kept = shape.map((_, k) => k).filter((k) => !axes.includes(k));
  const flat = graph.reshape(graph.transpose(graph.input(0), [...axes, ...kept]), [count, ...kept.map((k) => shape[k]!)]);
  const factors = Array.from({ length: count }, (_, k) => graph.slice(flat, 0, k, 1));
  const product = factors.reduce((left, right) => graph.add("Mul", [left, right]));
  graph.result(0, "Reshape", [product, graph.integers(graph.shapeOf(graph.node.output[0]!))]);
  return true;
}

function axesOf(graph: GraphBuilder): { axes: number[]; keep: boolean } {
  const rank = graph.shapeOf(graph.input(0)).length;
  if (graph.has(1) && graph.constant(1) === undefined) throw new Refusal("its list of axes is computed at run time");
  const given = graph.constant(1) ?? intsAttribute(graph.node, "axes") ?? [];
  const keep = intAttribute(graph.node, "keepdims", 1) !== 0;
  if (given.length === 0 && intAttribute(graph.node, "noop_with_empty_axes", 0) !== 0) return { axes: [], keep };
  return { axes: given.length === 0 ? Array.from({ length: rank }, (_, k) => k) : given.map((axis) => fromFront(axis, rank)), keep };
}
