import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { NotBatchable, type Batcher } from "./batchGraph.ts";
import { concat, gather, pad, slice, split, tile, transpose } from "./movement.ts";
import { elementwise, exactElementwise, quantization } from "./elementwise.ts";
import { fusedMatMul, gemm, matMul, qLinearMatMul } from "./products.ts";
import { expand, flatten, identity, reshape, squeeze, unsqueeze } from "./views.ts";
import { exactReduction, indexReduction, reduction, softmax } from "./reductions.ts";
import { perImage } from "./images.ts";

/** Adds to the graph for many jobs what a node of the graph for one becomes. Throws `NotBatchable` if that is not possible. */
export type Rule = (node: NodeProto, batcher: Batcher) => void;

const rules: Readonly<Record<string, Rule>> = {
  // One image after the other.
  ...named(perImage, ["Conv", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "QLinearConv", "ConvInteger"]),
  ...named(perImage, ["FusedConv", "QLinearConv", "NhwcMaxPool", "NhwcFusedConv", "QLinearAveragePool", "QLinearGlobalAveragePool"], "com.microsoft"),
  ...named(perImage, ["Conv", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "ReorderInput", "ReorderOutput"], "com.microsoft.nchwc"),
  Gemm: gemm,
  "com.microsoft.FusedGemm": gemm,
  MatMul: matMul,
  "com.microsoft.FusedMatMul": fusedMatMul,
  QLinearMatMul: qLinearMatMul,
  // What IEEE 754 rounds correctly, or is exact.
  ...named(exactElementwise, ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Sqrt", "Relu", "LeakyRelu", "PRelu", "Clip", "Cast", "Not", "And", "Or", "Xor", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "Where"]),
  ...named(elementwise, ["Exp", "Log", "Sin", "Cos", "Tanh", "Erf", "Sigmoid", "Pow", "Gelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "Mish", "HardSigmoid", "HardSwish", "ThresholdedRelu", "Shrink", "Reciprocal"]),
  ...named(elementwise, ["Gelu", "QuickGelu", "FastGelu"], "com.microsoft"),
  QuantizeLinear: quantization,
  DequantizeLinear: quantization,
  ...named(reduction, ["ReduceMean", "ReduceSum"]),
  ...named(exactReduction, ["ReduceMax", "ReduceMin"]),
  ...named(indexReduction, ["ArgMax", "ArgMin"]),
  ...named(softmax, ["Softmax", "LogSoftmax"]),
  Identity: identity,
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Tile: tile,
  Pad: pad,
};

/** The rule for a node. Throws `NotBatchable` if there is none. */
export function ruleOf({ domain, opType }: NodeProto): Rule {
  const name = domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule === undefined) throw new NotBatchable();
  return rule;
}

function named(rule: Rule, operators: readonly string[], domain = ""): Record<string, Rule> {
  return Object.fromEntries(operators.map((operator) => [domain === "" ? operator : `${domain}.${operator}`, rule]));
}
