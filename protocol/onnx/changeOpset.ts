import { attribute, fromFront, intAttribute, intsAttribute, makeAttribute } from "./attributes.ts";
import type { GraphProto, ModelProto, NodeProto } from "./generated/onnx_pb.ts";
import { declaredTensor, makeNode } from "./graphs.ts";
import { MAX_OPSET } from "./limits.ts";
import { makeTensor } from "./tensors.ts";

/** The opset that brought today's broadcasting, and the oldest whose operators ONNX Runtime has all. */
const MODERN = 7;

/** Operators that opsets beyond the newest one brought or changed. */
const newer: ReadonlySet<string> = new Set(["CausalConvWithState", "LinearAttention", "Range"]);

/** Attributes of old opsets that said nothing about the result at inference. */
const obsolete: ReadonlySet<string> = new Set(["consumed_inputs", "is_test", "output_sequence"]);

const broadcasting: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less", "Gemm"]);

/** Operators whose result has as many axes as their first input. */
const keepingRank: ReadonlySet<string> = new Set([
  "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "InstanceNormalization", "LRN", "Dropout", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Sigmoid",
  "Tanh", "Abs", "Neg", "Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Clip", "Softmax", "LogSoftmax", "HardSigmoid", "Softplus", "Softsign", "ThresholdedRelu", "Identity", "Cast", "Transpose", "Concat", "Pad", "Slice", "Split", "Sum", "Max", "Min", "Mean", "Add", "Sub", "Mul", "Div", "Pow", "Upsample", "Tile",
]);

const castTargets: Readonly<Record<string, number>> = { FLOAT: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, BOOL: 9, FLOAT16: 10, DOUBLE: 11 };

/**
 * Brings a model of an opset before 7 to opset 7, and one of an opset newer than the newest that is known down to that one, if none of its
 * operators was changed since. What cannot be brought there stays as it is, for others to refuse.
 */
export function changeOpset(model: ModelProto & { graph: GraphProto }): void {
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const version = Number(opset?.version ?? 0);
  if (version === MAX_OPSET + 1 && !uses(model.graph, newer)) opset!.version = BigInt(MAX_OPSET);
  if (version < 1 || version >= MODERN) return;
  const ranks = ranksOf(model.graph);
  const nodes = model.graph.node.map((node) => modernised(node, model.graph, ranks, version));
  if (nodes.includes(undefined)) return;
  model.graph.node = nodes.flatMap((list) => list!);
  opset!.version = BigInt(MODERN);
}

function uses(graph: GraphProto, names: ReadonlySet<string>): boolean {
  return graph.node.some((node) => (node.domain === "" && names.has(node.opType)) || node.attribute.some(({ g, graphs }) => [...(g === undefined ? [] : [g]), ...graphs].some((inner) => uses(inner, names))));
}

/** The node as opset 7 writes it, with helpers before it; undefined if that cannot be known. */
function modernised(node: NodeProto, graph: GraphProto, ranks: ReadonlyMap<string, number>, version: number): NodeProto[] | undefined {
  const [broadcast, axis] = [intAttribute(node, "broadcast", 0), attribute(node, "axis")];
  const old = new Set(obsolete);
  const before: NodeProto[] = [];
  if (broadcasting.has(node.opType)) {
    old.add("broadcast").add("axis");
    if (broadcast !== 0 && axis !== undefined && !alignTo(node, Number(axis.i), ranks, before)) return undefined;
  }
  if (node.opType === "PRelu" && ranks.get(node.input[1]!) === 1 && ranks.get(node.input[0]!) !== 1 && !alignTo(node, 1, ranks, before)) return undefined;
  if (version < 6 && node.opType === "Cast") {
    const target = castTargets[new TextDecoder().decode(attribute(node, "to")?.s ?? new Uint8Array()).toUpperCase()];
    if (target === undefined) return undefined;
    node.attribute = [makeAttribute("to", { int: target })];
  }
  if (version < 5 && node.opType === "Reshape") {
    const shape = `${node.name}/shape`;
    const sizes = intsAttribute(node, "shape");
    if (sizes === undefined) return undefined;
    graph.initializer.push(makeTensor(shape, 7, [sizes.length], new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer)));
    node.input = [node.input[0]!, shape];
    old.add("shape");
  }
  if (version < 4 && node.opType === "Concat" && axis === undefined) node.attribute.push(makeAttribute("axis", { int: 1 }));
  if (version < 2 && node.opType === "Pad") for (const each of node.attribute) if (each.name === "paddings") each.name = "pads";
  if ((version < 6 && node.opType === "Tile") || (version < 2 && node.opType === "Split" && node.input.length > 1)) return undefined;
  node.attribute = node.attribute.filter(({ name }) => !old.has(name));
  return [...before, node];
}

/** Gives the second input axes of size 1 behind its own, so that its first stands at `axis` of the first input. */
function alignTo(node: NodeProto, axis: number, ranks: ReadonlyMap<string, number>, before: NodeProto[]): boolean {
  const [whole, part] = [ranks.get(node.input[0]!), ranks.get(node.input[1]!)];
  if (whole === undefined || part === undefined) return false;
  const behind = whole - fromFront(axis, whole) - part;
  if (behind <= 0) return behind === 0 || part === 0;
  const aligned = `${node.name}/aligned`;
  before.push(makeNode("Unsqueeze", [node.input[1]!], [aligned], { axes: { ints: Array.from({ length: behind }, (_, k) => part + k) } }, `${node.name}/Unsqueeze`));
  node.input = [node.input[0]!, aligned, ...node.input.slice(2)];
  return true;
}

/** Numbers of axes, as far as they follow without shapes. */
function ranksOf(graph: GraphProto): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const info of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    const rank = declaredTensor(info)?.dims?.length;
    if (rank !== undefined) ranks.set(info.name, rank);
  }
  for (const { name, dims } of graph.initializer) ranks.set(name, dims.length);
  for (const node of graph.node) {
    const own = ranks.get(node.input[0] ?? "");
    const shape = node.opType === "Constant" ? attribute(node, "value")?.t?.dims : undefined;
    const rank = shape?.length ?? (keepingRank.has(node.opType) ? own : node.opType === "Gemm" || node.opType === "Flatten" ? 2 : node.opType === "Reshape" ? intsAttribute(node, "shape")?.length : undefined);
    if (rank !== undefined) for (const name of node.output) if (!ranks.has(name)) ranks.set(name, rank);
  }
  return ranks;
}
