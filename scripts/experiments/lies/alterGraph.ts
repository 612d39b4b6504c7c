import { makeNode } from "../../../protocol/onnx/graphs.ts";
import type { NodeProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { parseModel, type Model } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { dtypes } from "../../../protocol/program/types.ts";

/** The model in which every node's result passes through a rounding. */
export function roundResults(modelBytes: Uint8Array, rounding: Rounding): Uint8Array {
  const model = withCasts(parseModel(modelBytes));
  model.graph.node = model.graph.node.flatMap((node) => {
    const [result, ...others] = node.output;
    if (others.length > 0 || result === undefined) return [node];
    node.output = [`${result}~exact`];
    return [node, ...rounding(`${result}~exact`, result)];
  });
  return serializeModel(model);
}

/** The model in which the first operand of every convolution and matrix product passes through a rounding. */
export function roundFactors(modelBytes: Uint8Array, rounding: Rounding): Uint8Array {
  const model = withCasts(parseModel(modelBytes));
  model.graph.node = model.graph.node.flatMap((node) => {
    if (!["Conv", "Gemm", "MatMul"].includes(node.opType)) return [node];
    const before = node.input[0] as string;
    node.input[0] = `${node.name}~rounded`;
    return [...rounding(before, node.input[0]), node];
  });
  return serializeModel(model);
}

/** Nodes that round the value `from` and call it `to`. */
export type Rounding = (from: string, to: string) => NodeProto[];

/** Through float16 or bfloat16 and back. */
export function through(dtype: number): Rounding {
  return (from, to) => [makeNode("Cast", [from], [`${to}~narrow`], { to: { int: dtype } }, `${to}~down`), makeNode("Cast", [`${to}~narrow`], [to], { to: { int: dtypes.float32 } }, `${to}~up`)];
}

/** Through 8-bit integers with the scale that the tensor's extremes ask for. */
export const throughInt8: Rounding = (from, to) => [
  makeNode("DynamicQuantizeLinear", [from], [`${to}~q`, `${to}~s`, `${to}~z`], {}, `${to}~down`),
  makeNode("DequantizeLinear", [`${to}~q`, `${to}~s`, `${to}~z`], [to], {}, `${to}~up`),
];

/** The model in which nodes of one operator became another; the n-th of them, or all. */
export function replaceOperator(modelBytes: Uint8Array, from: string, to: string, keep: readonly string[] = [], only?: number): Uint8Array {
  const model = parseModel(modelBytes);
  operators(model, from).forEach((node, n) => {
    if (only !== undefined && n !== only) return;
    node.opType = to;
    node.attribute = node.attribute.filter(({ name }) => keep.includes(name));
  });
  return serializeModel(model);
}

/** Nodes of one operator, in order. */
export function operators(model: Model, opType: string): NodeProto[] {
  return model.graph.node.filter((node) => node.opType === opType);
}

/** Roundings need operator set 13; the operators of the models that are lied about mean the same there. */
function withCasts(model: Model): Model {
  for (const opset of model.opsetImport) if (opset.domain === "" && opset.version < 13n) opset.version = 13n;
  return model;
}
