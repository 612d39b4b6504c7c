import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { integerRange, Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** DequantizeLinear with a scale for each block of an axis: `(x − zero)·scale`, the scales spread over their blocks. */
export function rewriteDequantizeLinear(graph: GraphBuilder): boolean {
  if (intAttribute(graph.node, "block_size", 0) === 0) return false;
  const x = graph.add("Cast", [graph.input(0)], { to: { int: dtypes.float32 } });
  const centred = graph.has(2) ? graph.add("Sub", [x, graph.add("Cast", [spread(graph, 2)], { to: { int: dtypes.float32 } })]) : x;
  graph.result(0, "Mul", [centred, spread(graph, 1)]);
  return true;
}

/** QuantizeLinear in blocks: `saturate(round(x / scale) + zero)`. */
export function rewriteQuantizeLinear(graph: GraphBuilder): boolean {
  if (intAttribute(graph.node, "block_size", 0) === 0) return false;
  const { dtype } = graph.typeOf(graph.node.output[0]!);
  if (dtype !== dtypes.uint8 && dtype !== dtypes.int8) throw new Refusal(`it quantises to element type ${dtype}; uint8 and int8 are supported`);
  const [low, high] = integerRange(dtype).map(Number) as [number, number];
  const rounded = graph.add("Round", [graph.add("Div", [graph.input(0), spread(graph, 1)])]);
  const placed = graph.has(2) ? graph.add("Add", [rounded, graph.add("Cast", [spread(graph, 2)], { to: { int: dtypes.float32 } })]) : rounded;
  graph.result(0, "Cast", [graph.add("Clip", [placed, graph.scalar(low), graph.scalar(high)])], { to: { int: dtype } });
  return true;
}

/** Input `k`, one element a block, with as many elements as the tensor. */
function spread(graph: GraphBuilder, k: number): string {
  const [whole, blocks] = [graph.shapeOf(graph.input(0)), graph.shapeOf(graph.input(k))];
  const axis = fromFront(intAttribute(graph.node, "axis", 1), whole.length);
  const size = intAttribute(graph.node, "block_size", 0);
  const apart = graph.reshape(graph.input(k), [...blocks.slice(0, axis + 1), 1, ...blocks.slice(axis + 1)]);
  const repeated = graph.add("Expand", [apart, graph.integers([...blocks.slice(0, axis + 1), size, ...blocks.slice(axis + 1)])]);
  const flat = graph.reshape(repeated, blocks.map((count, j) => (j === axis ? count * size : count)));
  return blocks[axis]! * size === whole[axis] ? flat : graph.slice(flat, axis, 0, whole[axis]!);
}
