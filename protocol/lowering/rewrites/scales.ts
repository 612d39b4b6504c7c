import { floatAttribute } from "../../onnx/attributes.ts";
import { intAttribute } from "../../onnx/attributes.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** Gemm with scales: alpha goes into a factor, beta into the addend, constants at compile time. */
export function rewriteGemm(graph: GraphBuilder): boolean {
  const alpha = floatAttribute(graph.node, "alpha", 1);
  const beta = floatAttribute(graph.node, "beta", 1);
  const added = graph.has(2) && beta !== 0;
  if (alpha === 1 && (!added || beta === 1)) return false;
  const scaled = (k: number, scale: number): string => {
    const values = graph.constant(k);
    if (scale === 1) return graph.input(k);
    if (values !== undefined) return graph.floats(graph.shapeOf(graph.input(k)), values.map((value) => scale * value));
    return graph.add("Mul", [graph.input(k), graph.scalar(scale)]);
  };
  const constantLeft = graph.constant(0) !== undefined && graph.constant(1) === undefined;
  const factors = constantLeft ? [scaled(0, alpha), graph.input(1)] : [graph.input(0), scaled(1, alpha)];
  const flips = { transA: { int: intAttribute(graph.node, "transA", 0) }, transB: { int: intAttribute(graph.node, "transB", 0) } };
  graph.result(0, "Gemm", added ? [...factors, scaled(2, beta)] : factors, flips);
  return true;
}
