import { floatAttribute, fromFront, intAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** Operators that become contractions, which take in what follows them. */
const products: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "MatMul", "Gemm"]);

/** LayerNormalization: over all axes from `axis` on. */
export function rewriteLayerNorm(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const axes = lastAxes(graph, x);
  const mean = graph.reduce("ReduceMean", x, axes);
  const centred = graph.add("Sub", [x, mean]);
  const root = rootOfSquares(graph, centred, axes, floatAttribute(graph.node, "epsilon", 1e-5));
  if (graph.wants(1)) graph.result(1, "Identity", [mean]);
  if (graph.wants(2)) graph.result(2, "Reciprocal", [root]);
  affine(graph, graph.add("Div", [centred, root]), graph.input(1), graph.has(2) ? graph.input(2) : undefined);
  return true;
}

/** RMSNormalization, and the like in ONNX Runtime's own domain: without a mean. */
export function rewriteRmsNorm(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const root = rootOfSquares(graph, x, lastAxes(graph, x), floatAttribute(graph.node, "epsilon", 1e-5));
  if (graph.wants(1)) graph.result(1, "Reciprocal", [root]);
  affine(graph, graph.add("Div", [x, root]), graph.input(1));
  return true;
}

/** InstanceNormalization: each plane by itself. */
export function rewriteInstanceNorm(graph: GraphBuilder): boolean {
  const shape = graph.shapeOf(graph.input(0));
  const normal = standardised(graph, graph.input(0), spatial(shape), floatAttribute(graph.node, "epsilon", 1e-5));
  const channels = [shape[1]!, ...shape.slice(2).map(() => 1)];
  affine(graph, normal, graph.reshape(graph.input(1), channels), graph.reshape(graph.input(2), channels));
  return true;
}

/** GroupNormalization: scale and bias for each channel, or before opset 21 for each group. */
export function rewriteGroupNorm(graph: GraphBuilder): boolean {
  const shape = graph.shapeOf(graph.input(0));
  const groups = intAttribute(graph.node, "num_groups", 1);
  const grouped = [shape[0]!, groups, shape.slice(1).reduce((a, b) => a * b, 1) / groups];
  const normal = standardised(graph, graph.reshape(graph.input(0), grouped), [2], floatAttribute(graph.node, "epsilon", 1e-5));
  const perGroup = graph.shapeOf(graph.input(1))[0] === groups && groups !== shape[1];
  if (perGroup) {
    const scaled = graph.add("Mul", [normal, graph.reshape(graph.input(1), [groups, 1])]);
    const shifted = graph.add("Add", [scaled, graph.reshape(graph.input(2), [groups, 1])]);
    graph.result(0, "Reshape", [shifted, graph.integers(shape)]);
    return true;
  }
  const channels = [shape[1]!, ...shape.slice(2).map(() => 1)];
  affine(graph, graph.reshape(normal, shape), graph.reshape(graph.input(1), channels), graph.reshape(graph.input(2), channels));
  return true;
}

/** MeanVarianceNormalization, with ONNX's epsilon of 1e-9. */
export function rewriteMeanVariance(graph: GraphBuilder): boolean {
  const axes = graph.node.attribute.find(({ name }) => name === "axes")?.ints.map(Number) ?? [0, 2, 3];
  const centred = graph.add("Sub", [graph.input(0), graph.reduce("ReduceMean", graph.input(0), axes)]);
  const deviation = graph.add("Sqrt", [graph.reduce("ReduceMean", graph.add("Mul", [centred, centred]), axes)]);
  graph.result(0, "Div", [centred, graph.add("Add", [deviation, graph.scalar(1e-9)])]);
  return true;
}

/** LpNormalization for p of 1 or 2 along one axis. */
export function rewriteLpNorm(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const axis = intAttribute(graph.node, "axis", -1);
  const axes = [fromFront(axis, graph.shapeOf(x).length)];
  if (intAttribute(graph.node, "p", 2) === 1) graph.result(0, "Div", [x, graph.reduce("ReduceSum", graph.add("Abs", [x]), axes)]);
  else graph.result(0, "Div", [x, graph.add("Sqrt", [graph.reduce("ReduceSum", graph.add("Mul", [x, x]), axes)])]);
  return true;
}

/**
 * BatchNormalization at inference: one scale and one shift for each channel. Behind a product they become its epilogue; elsewhere they are a
 * convolution of one tap, whose bound leaves room for kernels that fold mean and deviation into them in another order.
 */
export function rewriteBatchNorm(graph: GraphBuilder): boolean {
  if (intAttribute(graph.node, "training_mode", 0) !== 0 || graph.wants(1)) throw new Refusal("it is in training mode");
  const shape = graph.shapeOf(graph.input(0));
  const channels = [shape[1] ?? 1, ...shape.slice(2).map(() => 1)];
  const epsilon = floatAttribute(graph.node, "epsilon", 1e-5);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((k) => graph.constant(k));
  if (scale && bias && mean && variance) {
    const factor = scale.map((value, k) => Math.fround(value / Math.sqrt(variance[k]! + epsilon)));
    const shift = bias.map((value, k) => value - mean[k]! * factor[k]!);
    if (shape.length > 2 && !products.has(graph.producer(graph.input(0))?.opType ?? "")) {
      const filters = graph.floats([shape[1]!, 1, ...shape.slice(2).map(() => 1)], factor);
      graph.result(0, "Conv", [graph.input(0), filters, graph.floats([shape[1]!], shift)], { group: { int: shape[1]! }, kernel_shape: { ints: shape.slice(2).map(() => 1) } });
      return true;
    }
    const scaled = graph.add("Mul", [graph.input(0), graph.floats(channels, factor)]);
    graph.result(0, "Add", [scaled, graph.floats(channels, shift)]);
    return true;
  }
  const perChannel = (k: number): string => graph.reshape(graph.input(k), channels);
  const root = graph.add("Sqrt", [graph.add("Add", [perChannel(4), graph.scalar(epsilon)])]);
  affine(graph, graph.add("Div", [graph.add("Sub", [graph.input(0), perChannel(3)]), root]), perChannel(1), perChannel(2));
  return true;
}

function standardised(graph: GraphBuilder, x: string, axes: readonly number[], epsilon: number): string {
  const centred = graph.add("Sub", [x, graph.reduce("ReduceMean", x, axes)]);
  return graph.add("Div", [centred, rootOfSquares(graph, centred, axes, epsilon)]);
}

function rootOfSquares(graph: GraphBuilder, x: string, axes: readonly number[], epsilon: number): string {
  const variance = graph.reduce("ReduceMean", graph.add("Mul", [x, x]), axes);
  return graph.add("Sqrt", [graph.add("Add", [variance, graph.scalar(epsilon)])]);
}

function affine(graph: GraphBuilder, x: string, scale: string, bias?: string): void {
  if (bias === undefined) graph.result(0, "Mul", [x, scale]);
  else graph.result(0, "Add", [graph.add("Mul", [x, scale]), bias]);
}

function lastAxes(graph: GraphBuilder, x: string): number[] {
  const rank = graph.shapeOf(x).length;
  const axis = fromFront(intAttribute(graph.node, "axis", -1), rank);
  return Array.from({ length: rank - axis }, (_, k) => axis + k);
}

function spatial(shape: readonly number[]): number[] {
  return shape.slice(2).map((_, k) => k + 2);
}
