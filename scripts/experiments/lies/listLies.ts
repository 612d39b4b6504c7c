import { dtypes } from "../../../protocol/program/types.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { operators, replaceOperator, roundFactors, roundResults, through, throughInt8 } from "./alterGraph.ts";
import { alterWeight, alterWeights, drift, factorWeights, halveChannels, prune, quantise, toBrain, toHalf } from "./alterWeights.ts";

/** A way to cheat. `model` gives the graph that the cheat really runs; `trace` makes its trace from honest ones. */
export interface Lie {
  name: string;
  model?: (model: Uint8Array) => Uint8Array;
  /** From the honest trace of this input and the honest trace of another one. */
  trace?: (own: readonly Uint8Array[], other: readonly Uint8Array[]) => Uint8Array[];
}

/** The lies told about one program. */
export function listLies({ program, model }: Bundle): Lie[] {
  const parsed = parseModel(model);
  const weights = factorWeights(parsed);
  const lies: Lie[] = [
    { name: "smaller model: half of the channels", model: (m) => alterWeights(m, halveChannels, true) },
    ...[1e-2, 1e-4, 1e-5, 1e-6, 1e-7].map((deviation) => ({ name: `other model: weights moved by ${deviation} of themselves`, model: (m: Uint8Array) => alterWeights(m, drift(deviation), true) })),
    { name: "weights in int8, one scale a tensor", model: (m) => alterWeights(m, quantise(8, false)) },
    { name: "weights in int8, one scale a channel", model: (m) => alterWeights(m, quantise(8, true)) },
    { name: "weights in int4, one scale a channel", model: (m) => alterWeights(m, quantise(4, true)) },
    { name: "weights in 16-bit integers", model: (m) => alterWeights(m, quantise(16, true)) },
    { name: "weights in float16", model: (m) => alterWeights(m, toHalf, true) },
    { name: "weights in bfloat16", model: (m) => alterWeights(m, toBrain, true) },
    ...[0.5, 0.1, 0.01].map((share) => ({ name: `pruned: the smallest ${100 * share} % of the weights`, model: (m: Uint8Array) => alterWeights(m, prune(share)) })),
    ...weights.map(({ name }) => ({ name: `pruned: the one smallest weight of ${name}`, model: (m: Uint8Array) => alterWeight(m, name, prune(0)) })),
    { name: "arithmetic in float16, weights too", model: (m) => roundResults(alterWeights(m, toHalf, true), through(dtypes.float16)) },
    { name: "results kept in float16", model: (m) => roundResults(m, through(dtypes.float16)) },
    { name: "results kept in bfloat16", model: (m) => roundResults(m, through(dtypes.bfloat16)) },
    { name: "TF32: 10-bit factors, float32 sums", model: (m) => roundFactors(alterWeights(m, toHalf), through(dtypes.float16)) },
    { name: "arithmetic in int8: weights and results", model: (m) => roundResults(alterWeights(m, quantise(8, true)), throughInt8) },
    { name: "average instead of max pooling", model: (m) => replaceOperator(m, "MaxPool", "AveragePool", ["kernel_shape", "strides", "pads", "auto_pad"]) },
  ];
  operators(parsed, "Relu").forEach((node, n) => lies.push({ name: `skipped: ${node.name}`, model: (m) => replaceOperator(m, "Relu", "Identity", [], n) }));
  for (const { name } of weights) lies.push({ name: `skipped: the products with ${name}`, model: (m) => alterWeight(m, name, (values) => values.fill(0)) });
  lies.push(
    { name: "stale: the whole trace of another input", trace: (_, other) => [...other] },
    { name: "stale: only the answer of another input", trace: (own, other) => own.map((bytes, i) => (program.header.outputs.includes(i) ? (other[i] as Uint8Array) : bytes)) },
    { name: "stale: second half of the trace", trace: (own, other) => own.map((bytes, i) => (i >= own.length / 2 ? (other[i] as Uint8Array) : bytes)) },
    { name: "answer edited: the two largest logits swapped", trace: (own) => own.map((bytes, i) => (program.header.outputs.includes(i) ? swapTopTwo(bytes) : bytes)) },
  );
  return lies;
}

function swapTopTwo(bytes: Uint8Array): Uint8Array {
  const values = new Float32Array(bytes.slice().buffer);
  const [first, second] = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]!) as [number, number];
  [values[first], values[second]] = [values[second]!, values[first]!];
  return new Uint8Array(values.buffer);
}
