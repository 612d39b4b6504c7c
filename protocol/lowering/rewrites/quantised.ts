import { floatAttribute, intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";

/** Elementwise operators of ONNX Runtime's own domain on two quantised tensors: A, scale, zero, B, scale, zero, scale, zero. */
export function quantisedBinary(opType: string): Rewrite {
  return (graph) => {
    quantise(graph, graph.add(opType, [dequantised(graph, 0), dequantised(graph, 3)]), 6);
    return true;
  };
}

/** The same on one tensor: X, scale, zero, scale, zero. */
export function quantisedUnary(build: (graph: GraphBuilder, x: string) => string): Rewrite {
  return (graph) => {
    quantise(graph, build(graph, dequantised(graph, 0)), 3);
    return true;
  };
}

/** QLinearGlobalAveragePool and QLinearAveragePool with channels second. */
export function rewriteQuantisedPool(opType: "GlobalAveragePool" | "AveragePool"): Rewrite {
  return (graph) => {
    if (intAttribute(graph.node, "channels_last", 0) !== 0) throw new Refusal("its channels come last");
    const attributes = Object.fromEntries(
      graph.node.attribute.filter(({ name }) => name !== "channels_last").map((attribute) => [attribute.name, attribute.ints.length > 0 ? { ints: attribute.ints.map(Number) } : attribute.s.length > 0 ? { string: new TextDecoder().decode(attribute.s) } : { int: Number(attribute.i) }]),
    );
    quantise(graph, graph.add(opType, [dequantised(graph, 0)], attributes), 3);
    return true;
  };
}

/** QLinearConcat: scale, zero, then X, scale, zero for each part; parts that are scaled like the result are only moved. */
export function rewriteQuantisedConcat(graph: GraphBuilder): boolean {
  const same = (a: number, b: number): boolean => graph.constant(a)?.join() === graph.constant(b)?.join() && graph.constant(a) !== undefined;
  const parts: string[] = [];
  for (let k = 2; k < graph.node.input.length; k += 3) {
    const plain = same(k + 1, 0) && same(k + 2, 1);
    parts.push(plain ? graph.input(k) : graph.add("QuantizeLinear", [dequantised(graph, k), graph.input(0), graph.input(1)]));
  }
  graph.result(0, "Concat", parts, { axis: { int: intAttribute(graph.node, "axis", 1) } });
  return true;
}

/** QGemm: an exact product, its bias, and one scale; quantised again if a scale of the result is given. */
export function rewriteQGemm(graph: GraphBuilder): boolean {
  const [a, b, c] = [graph.input(0), graph.input(3), graph.has(6) ? graph.input(6) : undefined];
  const flip = (name: string, attribute: string): string => (intAttribute(graph.node, attribute, 0) === 0 ? name : graph.transpose(name, [1, 0]));
  const product = graph.add("MatMulInteger", [flip(a, "transA"), flip(b, "transB"), graph.input(2), graph.input(5)]);
  const sum = c === undefined ? product : graph.add("Add", [product, c]);
  const [scaleA, scaleB] = [graph.constant(1), graph.constant(4)];
  if (scaleA?.length !== 1 || scaleB === undefined) throw new Refusal("its scales are not constants");
  const alpha = floatAttribute(graph.node, "alpha", 1);
  const scale = graph.floats([scaleB.length], scaleB.map((value) => alpha * scaleA[0]! * value));
  const real = [graph.add("Cast", [sum], { to: { int: dtypes.float32 } }), scale];
  if (graph.has(7)) quantise(graph, graph.add("Mul", real), 7);
  else graph.result(0, "Mul", real);
  return true;
}

/** MatMulInteger with a computed zero point on the left: taken off as that zero times the sums of the constant right side's columns. */
export function rewriteMatMulInteger(graph: GraphBuilder): boolean {
  if (!graph.has(2) || graph.constant(2) !== undefined) return false;
  const right = graph.constant(1);
  const zero = graph.has(3) ? graph.constant(3) : [0];
  const shape = graph.shapeOf(graph.input(1));
  const columns = shape[1]!;
  if (right === undefined || zero === undefined || zero.some((value) => value !== zero[0]) || shape.length !== 2) throw new Refusal("its zero point is computed at run time");
  const sums = Int32Array.from({ length: columns }, (_, n) => right.reduce((sum, value, k) => (k % columns === n ? sum + value - zero[0]! : sum), 0));
  const none = graph.tensor(graph.typeOf(graph.input(0)).dtype, [], new Uint8Array(1));
  const product = graph.add("MatMulInteger", [graph.input(0), graph.input(1), none, ...(graph.has(3) ? [graph.input(3)] : [])]);
  const shift = graph.add("Mul", [graph.add("Cast", [graph.input(2)], { to: { int: dtypes.int32 } }), graph.tensor(dtypes.int32, [columns], new Uint8Array(sums.buffer))]);
  graph.result(0, "Sub", [product, shift]);
  return true;
}

/** DynamicQuantizeLinear: scale and zero point from the range of the tensor, zero included. */
export function rewriteDynamicQuantise(graph: GraphBuilder): boolean {
  const x = graph.input(0);
  const axes = graph.shapeOf(x).map((_, k) => k);
  const zero = graph.scalar(0);
  const high = graph.add("Max", [graph.reduce("ReduceMax", x, axes, false), zero]);
  const low = graph.add("Min", [graph.reduce("ReduceMin", x, axes, false), zero]);
  const scale = graph.wants(1) ? graph.node.output[1]! : undefined;
  const range = [graph.add("Sub", [high, low]), graph.scalar(255)];
  if (scale !== undefined) graph.result(1, "Div", range);
  const step = scale ?? graph.add("Div", range);
  const place = graph.add("Round", [graph.add("Clip", [graph.add("Div", [graph.add("Sub", [zero, low]), step]), zero, graph.scalar(255)])]);
  if (graph.wants(2)) graph.result(2, "Cast", [place], { to: { int: dtypes.uint8 } });
  const offset = graph.wants(2) ? graph.node.output[2]! : graph.add("Cast", [place], { to: { int: dtypes.uint8 } });
  graph.result(0, "QuantizeLinear", [x, step, offset]);
  return true;
}

function dequantised(graph: GraphBuilder, k: number): string {
  return graph.add("DequantizeLinear", [graph.input(k), graph.input(k + 1), ...(graph.has(k + 2) ? [graph.input(k + 2)] : [])]);
}

function quantise(graph: GraphBuilder, x: string, k: number): void {
  const zero = graph.has(k + 1) ? graph.input(k + 1) : graph.tensor(graph.typeOf(graph.input(0)).dtype, [], new Uint8Array(1));
  graph.result(0, "QuantizeLinear", [x, graph.input(k), zero]);
}
