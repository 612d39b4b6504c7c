import { intAttribute } from "../../onnx/attributes.ts";
import { Refusal } from "../draft.ts";
import type { GraphBuilder, Rewrite } from "./graphBuilder.ts";
import { int64 } from "./scatters.ts";

/** Rotary position embedding (Su et al., arXiv 2104.09864): pairs of numbers turned by an angle that grows with the place. */
export const rewriteRotary: Rewrite = (graph) => rotary(graph, { cosines: 1, sines: 2, places: 3 });

/** The same in ONNX Runtime's own domain, with the inputs in another order. */
export const rewriteOwnRotary: Rewrite = (graph) => {
  if (intAttribute(graph.node, "is_packed_batching", 0) !== 0) throw new Refusal("its batches are packed");
  return rotary(graph, { cosines: 2, sines: 3, places: 1 });
};

function rotary(graph: GraphBuilder, inputs: { cosines: number; sines: number; places: number }): boolean {
  const { node } = graph;
  const shape = graph.shapeOf(graph.input(0));
  const table = graph.shapeOf(graph.input(inputs.cosines));
  const half = table.at(-1)!;
  const flat = shape.length === 3;
  const [batch, length] = [shape[0]!, shape[flat ? 1 : 2]!];
  const turned = 2 * half;
  const declared = intAttribute(node, "num_heads", 0);
  const width = flat ? (declared > 0 ? shape[2]! / declared : turned) : shape[3]!;
  const heads = flat ? shape[2]! / width : shape[1]!;
  const apart = flat ? graph.reshape(graph.input(0), [batch, length, heads, width]) : graph.transpose(graph.input(0), [0, 2, 1, 3]);
  const angle = (k: number): string => {
    const found = graph.has(inputs.places) ? graph.add("Gather", [graph.input(k), placesOf(graph, inputs.places, batch, length)], { axis: { int: 0 } }) : graph.input(k);
    return graph.reshape(found, [batch, length, 1, half]);
  };
  const [cosine, sine] = [angle(inputs.cosines), angle(inputs.sines)];
  const interleaved = intAttribute(node, "interleaved", 0) !== 0;
  const part = width === turned ? apart : graph.slice(apart, 3, 0, turned);
  const side = (k: number): string =>
    interleaved ? graph.reshape(graph.slice(graph.reshape(part, [batch, length, heads, half, 2]), 4, k, 1), [batch, length, heads, half]) : graph.slice(part, 3, k * half, half);
  const [a, b] = [side(0), side(1)];
  const real = graph.add("Sub", [graph.add("Mul", [cosine, a]), graph.add("Mul", [sine, b])]);
  const imaginary = graph.add("Add", [graph.add("Mul", [sine, a]), graph.add("Mul", [cosine, b])]);
  const column = (name: string): string => graph.reshape(name, [batch, length, heads, half, 1]);
  const pair = interleaved ? graph.reshape(graph.concat([column(real), column(imaginary)], 4), [batch, length, heads, turned]) : graph.concat([real, imaginary], 3);
  const whole = width === turned ? pair : graph.concat([pair, graph.slice(apart, 3, turned, width - turned)], 3);
  if (flat) graph.result(0, "Reshape", [whole, graph.integers(shape)]);
  else graph.result(0, "Transpose", [whole], { perm: { ints: [0, 2, 1, 3] } });
  return true;
}

/** Places `[batch, length]`; one number alone is where the first of them stands. */
function placesOf(graph: GraphBuilder, k: number, batch: number, length: number): string {
  const whole = int64(graph, k);
  if (graph.shapeOf(graph.input(k)).length === 2) return whole;
  const following = graph.integers(Array.from({ length: batch * length }, (_, at) => at % length), [batch, length]);
  return graph.add("Add", [whole, following]);
}
