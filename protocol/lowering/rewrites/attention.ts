import { floatAttribute, intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** Heads apart: `[batch, heads, places, width]`. */
interface Heads {
  name: string;
  shape: [number, number, number, number];
}

/** Attention of opset 23 and 24: scaled products, soft cap, mask, softmax, product with the values. */
export function rewriteAttention(graph: GraphBuilder): boolean {
  const { node } = graph;
  if (graph.has(6)) throw new Refusal("its sequences are padded by lengths given at run time");
  const flat = graph.shapeOf(graph.input(0)).length === 3;
  const q = heads(graph, graph.input(0), intAttribute(node, "q_num_heads", 0));
  const [keys, values] = [1, 2].map((k) => heads(graph, graph.input(k), intAttribute(node, "kv_num_heads", 0))) as [Heads, Heads];
  const past = graph.has(4) ? graph.shapeOf(graph.input(4))[2]! : 0;
  const k = joinedPast(graph, keys, 4, 1);
  const v = joinedPast(graph, values, 5, 2);
  const [batch, count, places, width] = q.shape;
  const total = k.shape[2];
  const root = Math.sqrt(floatAttribute(node, "scale", 1 / Math.sqrt(width)));
  const left = graph.add("Mul", [q.name, graph.scalar(root)]);
  const right = graph.add("Mul", [repeated(graph, k, count), graph.scalar(root)]);
  let scores = graph.add("MatMul", [left, graph.transpose(right, [0, 1, 3, 2])]);
  const mode = intAttribute(node, "qk_matmul_output_mode", 0);
  const causal = intAttribute(node, "is_causal", 0) !== 0;
  if (causal && graph.wants(3) && mode === 2) throw new Refusal("it shows masked scores, for which kernels have several stand-ins for −∞");
  const show = (stage: number, name: string): void => {
    if (graph.wants(3) && mode === stage) graph.result(3, "Identity", [name]);
  };
  show(0, scores);
  const cap = floatAttribute(node, "softcap", 0);
  if (cap !== 0) scores = graph.add("Mul", [graph.add("Tanh", [graph.add("Div", [scores, graph.scalar(cap)])]), graph.scalar(cap)]);
  show(1, scores);
  if (causal) {
    const mask = Float32Array.from({ length: places * total }, (_, at) => (at % total) - Math.floor(at / total) > past ? -Infinity : 0);
    scores = graph.add("Add", [scores, graph.floats([places, total], mask)]);
  }
  if (graph.has(3)) scores = graph.add("Add", [scores, maskOf(graph, total)]);
  show(2, scores);
  const weights = graph.add("Softmax", [scores], { axis: { int: -1 } });
  show(3, weights);
  const product = [weights, repeated(graph, v, count)];
  if (!flat) graph.result(0, "MatMul", product);
  else {
    const apart = graph.transpose(graph.add("MatMul", product), [0, 2, 1, 3]);
    graph.result(0, "Reshape", [apart, graph.integers([batch, places, count * v.shape[3]])]);
  }
  return true;
}

function heads(graph: GraphBuilder, name: string, count: number): Heads {
  const shape = graph.shapeOf(name);
  if (shape.length === 4) return { name, shape: shape as Heads["shape"] };
  const [batch, places, width] = shape as [number, number, number];
  const apart = graph.reshape(name, [batch, places, count, width / count]);
  return { name: graph.transpose(apart, [0, 2, 1, 3]), shape: [batch, count, places, width / count] };
}

/** What is remembered before what is new; shown as an output where it is wanted. */
function joinedPast(graph: GraphBuilder, { name, shape }: Heads, k: number, output: number): Heads {
  const all = graph.has(k) ? graph.add("Concat", [graph.input(k), name], { axis: { int: 2 } }) : name;
  if (graph.wants(output)) graph.result(output, "Identity", [all]);
  const before = graph.has(k) ? graph.shapeOf(graph.input(k))[2]! : 0;
  return { name: all, shape: [shape[0], shape[1], shape[2] + before, shape[3]] };
}

/** Each head of keys or values for as many heads of queries as share it. */
function repeated(graph: GraphBuilder, { name, shape: [batch, count, places, width] }: Heads, wanted: number): string {
  if (count === wanted) return name;
  const each = wanted / count;
  const apart = graph.reshape(name, [batch, count, 1, places, width]);
  return graph.reshape(graph.add("Expand", [apart, graph.integers([batch, count, each, places, width])]), [batch, wanted, places, width]);
}

function maskOf(graph: GraphBuilder, total: number): string {
  const { dtype, shape } = graph.typeOf(graph.input(3));
  if (shape.at(-1) !== total) throw new Refusal("its mask is shorter than its keys");
  if (dtype !== dtypes.bool) return graph.input(3);
  return graph.add("Where", [graph.input(3), graph.scalar(0), graph.scalar(-Infinity)]);
}
