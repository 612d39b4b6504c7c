import { makeTensor, tensorShape } from "../../protocol/onnx/tensors.ts";
import { elementCount } from "../../protocol/program/elements.ts";
import { makeNode, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import type { GraphProto, NodeProto, TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import type { Model } from "../../protocol/onnx/parseModel.ts";
import { dtypes } from "../../protocol/program/types.ts";

/** Constants of at least so many bytes are set aside; below, sending them along costs less than the detour. */
const LARGE = 2 ** 20;

/** Operators that folding leaves as they are whatever their weights are, and the inputs at which those stand. */
const products: Readonly<Record<string, readonly number[]>> = { MatMul: [0, 1], Gemm: [0, 1, 2], Gather: [0] };

/**
 * The model with the large weights of products and lookups as inputs, for folding what is around them, and what puts them back. Where the weights
 * themselves could be folded with something, nothing is set aside.
 */
export function setWeightsAside(model: Model): { model: Model; restore: (folded: Model) => void } {
  const { graph } = model;
  // A batch norm behind a product goes into the weights.
  const candidates = graph.node.some(({ opType }) => opType === "BatchNormalization") ? [] : graph.initializer.filter(isLarge);
  const readers = new Map<string, [NodeProto, number][]>();
  for (const node of graph.node) node.input.forEach((name, k) => readers.set(name, [...(readers.get(name) ?? []), [node, k]]));
  const inside = new Set(graph.node.flatMap(subgraphs).flatMap(namesIn));
  const shown = new Set(graph.output.map(({ name }) => name));
  const aside = candidates.filter(({ name }) => !inside.has(name) && !shown.has(name) && (readers.get(name) ?? []).every(([{ opType, domain }, k]) => domain === "" && products[opType]?.includes(k) === true));
  if (aside.length === 0) return { model, restore: () => undefined };
  const names = new Set(aside.map(({ name }) => name));
  const declared = aside.map((tensor) => makeValueInfo(tensor.name, tensor.dataType, tensorShape(tensor)));
  return {
    model: { ...model, graph: { ...graph, input: [...graph.input, ...declared], initializer: graph.initializer.filter(({ name }) => !names.has(name)) } },
    restore: ({ graph: folded }) => {
      folded.input = folded.input.filter(({ name }) => !names.has(name));
      folded.initializer.push(...aside);
    },
  };
}

/** The model with nodes that make zeros in place of its large float32 weights, for runs that only ask for types and shapes. */
export function withoutWeights(model: Model): Model {
  const { graph } = model;
  const opset = Number(model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0);
  const large = opset < 9 ? [] : graph.initializer.filter((tensor) => isLarge(tensor) && tensor.dataType === dtypes.float32);
  if (large.length === 0) return model;
  const names = new Set(large.map(({ name }) => name));
  const shapes = large.map((tensor) => makeTensor(`${tensor.name}/shape`, dtypes.int64, [tensor.dims.length], new Uint8Array(BigInt64Array.from(tensor.dims).buffer)));
  const zeros = large.map(({ name }) => makeNode("ConstantOfShape", [`${name}/shape`], [name], {}, `${name}/zeros`));
  return { ...model, graph: { ...graph, node: [...zeros, ...graph.node], initializer: [...graph.initializer.filter(({ name }) => !names.has(name)), ...shapes] } };
}

function isLarge(tensor: TensorProto): boolean {
  return elementCount(tensorShape(tensor)) >= LARGE / 4 && tensor.rawData.length >= LARGE;
}

function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs]);
}

function namesIn(graph: GraphProto): string[] {
  return [...graph.node.flatMap((node) => [...node.input, ...subgraphs(node).flatMap(namesIn)]), ...graph.output.map(({ name }) => name)];
}
