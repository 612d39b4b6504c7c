import { GainsayError } from "../errors.ts";
import type { NodeProto, TensorProto } from "../onnx/generated/onnx_pb.ts";
import { intAttribute } from "../onnx/attributes.ts";
import { declaredTensor } from "../onnx/graphs.ts";
import type { Model } from "../onnx/parseModel.ts";
import { dtypes, stepKinds } from "../program/types.ts";
import { elementCount } from "../program/elements.ts";
import { inScope, MAX_TERMS, Refusal, UnknownType, type DraftStep, type View } from "./draft.ts";
import { Lowering, type ValueType } from "./lowering.ts";
import { whyUnsupported } from "./operators/hints.ts";
import { operatorKey } from "./operators/operatorKey.ts";
import { operators } from "./operators/table.ts";
import { GraphBuilder } from "./rewrites/graphBuilder.ts";
import { rewrites } from "./rewrites/table.ts";

/** A node that cannot be compiled, and why. */
export interface Offender {
  node: string;
  op: string;
  reason: string;
}

/** The steps of a graph, before commit layouts are chosen, and where its outputs are found. */
export interface LoweredGraph {
  steps: DraftStep[];
  outputs: { name: string; shape: number[]; view: View }[];
}

/** What stands in the way of a folded graph at first sight: inputs and outputs of other element types, and operators not in the table. */
export function plainOffenders(model: Model): Offender[] {
  const unknown = model.graph.node.filter((node) => isStandard(node) && !known(node));
  return [...foreignOffenders(model), ...unknown.map((node) => ({ node: node.name, op: node.opType, reason: whyUnsupported(node.opType) }))];
}

/** The same for a graph before it is folded, when operators that are not in the table may still disappear. */
export function foreignOffenders(model: Model): Offender[] {
  const foreign = model.graph.node.filter((node) => !isStandard(node) && !known(node));
  return [
    ...interfaceOffenders(model),
    ...narrowCasts(model),
    ...foreign.map((node) => ({ node: node.name, op: `${node.domain}.${node.opType}`, reason: "the operator is not supported" })),
  ];
}

/**
 * Lowers a folded graph to draft steps. `types` are the element types and shapes of all its values.
 * Throws `MODEL_UNSUPPORTED` with `details.nodes`, a list of every node that stands in the way and why.
 */
export function lowerGraph(model: Model, types: ReadonlyMap<string, ValueType>): LoweredGraph {
  const { graph } = model;
  const offenders = plainOffenders(model);
  const unsupported = new Set(offenders.map(({ node }) => node));
  const opset = Number(model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")!.version);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const lowering = new Lowering(graph, types, opset);
  for (const node of graph.node) {
    if (unsupported.has(node.name)) {
      lowering.poison(node);
      continue;
    }
    try {
      // What has no elements is never committed; who reads it is told so, unless it can do without.
      if (isEmpty(node.output, types)) continue;
      checkResults(node.output, lowering);
      const lower = operators.get(operatorKey(node));
      if (lower === undefined) throw new Refusal(whyNotRewritten(node, types, initializers, opset));
      lower(node, lowering);
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof GainsayError && error.code === "MODEL_TENSOR")) throw error;
      if (!(error instanceof UnknownType) || offenders.length === 0) offenders.push({ node: node.name, op: node.opType, reason: error.message });
      lowering.poison(node);
    }
  }
  for (const step of lowering.steps) offenders.push(...lengthOffenders(step));
  if (offenders.length > 0) throw unsupportedError(offenders);
  for (const { name } of graph.output) if (elementCount(lowering.shapeOf(name)) === 0) offenders.push({ node: name, op: "output", reason: "it has no elements" });
  if (offenders.length > 0) throw unsupportedError(offenders);
  const outputs = placeOutputs(model, lowering);
  for (const step of lowering.steps) offenders.push(...lengthOffenders(step));
  if (offenders.length > 0) throw unsupportedError(offenders);
  return { steps: lowering.steps, outputs };
}

/**
 * Casts to element types narrower than a byte and other new ones. ONNX Runtime 1.30 aborts the whole process on some of them, so they
 * are refused before it sees them.
 */
export function narrowCasts(model: Model): Offender[] {
  return model.graph.node.flatMap((node) => {
    const to = node.opType === "Cast" && isStandard(node) ? intAttribute(node, "to", 0) : 0;
    return to > dtypes.bfloat16 ? [{ node: node.name, op: node.opType, reason: `it converts to element type ${to}, which is not supported` }] : [];
  });
}

/** The error that names every node in the way. */
export function unsupportedError(nodes: readonly Offender[]): GainsayError {
  const shown = nodes.slice(0, 8).map(({ node, op, reason }) => `${op} ${JSON.stringify(node)} (${reason})`);
  const more = nodes.length > shown.length ? ` and ${nodes.length - shown.length} more` : "";
  return new GainsayError(`The model cannot be compiled because of ${nodes.length === 1 ? "this node" : `these ${nodes.length} nodes`}: ${shown.join(", ")}${more}; docs/compiler.md lists what is supported.`, {
    code: "MODEL_UNSUPPORTED",
    kind: "usage",
    details: { nodes: [...nodes], hint: "Replace these operators, or export the model in float32 with fixed shapes; docs/compiler.md lists what is supported." },
  });
}

/** Outputs are steps of their own trace tensor each; what no step defines is copied by one. */
function placeOutputs(model: Model, lowering: Lowering): LoweredGraph["outputs"] {
  const taken = new Set<number>();
  return model.graph.output.map(({ name }) => {
    const shape = lowering.shapeOf(name);
    let view = lowering.view(name);
    if (view.base.kind !== "step" || taken.has(view.base.index)) view = lowering.copy(name, view);
    if (view.base.kind === "step") taken.add(view.base.index);
    return { name, shape, view };
  });
}

function interfaceOffenders(model: Model): Offender[] {
  const offenders: Offender[] = [];
  for (const [op, list] of [["input", model.graph.input], ["output", model.graph.output]] as const) {
    for (const info of list) {
      const type = declaredTensor(info);
      if (type === undefined) offenders.push({ node: info.name, op, reason: "it is not a tensor" });
      else if (!inScope(type.elemType) && type.elemType !== 0) offenders.push({ node: info.name, op, reason: `its element type ${type.elemType} is not supported` });
    }
  }
  return offenders;
}

function known(node: NodeProto): boolean {
  return operators.has(operatorKey(node)) || rewrites.has(operatorKey(node));
}

/** The reason for which a node is still there that should have been replaced. */
function whyNotRewritten(node: NodeProto, types: ReadonlyMap<string, ValueType>, initializers: ReadonlyMap<string, TensorProto>, opset: number): string {
  try {
    rewrites.get(operatorKey(node))?.(new GraphBuilder(node, opset, types, initializers));
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  return "the operator is not supported";
}

function isStandard(node: NodeProto): boolean {
  return node.domain === "" || node.domain === "ai.onnx";
}

function checkResults(names: readonly string[], lowering: Lowering): void {
  for (const name of names) {
    if (name === "") continue;
    const { dtype, shape } = lowering.typeOf(name);
    if (!inScope(dtype)) throw new Refusal(`its result ${JSON.stringify(name)} has element type ${dtype}, which is not supported`);
    if (elementCount(shape) === 0 && names.length === 1) throw new Refusal(`its result ${JSON.stringify(name)} has no elements`);
  }
}

/** Whether no output of a node has elements. */
function isEmpty(names: readonly string[], types: ReadonlyMap<string, ValueType>): boolean {
  return names.every((name) => name === "" || types.get(name)?.shape.includes(0) === true);
}

function lengthOffenders(step: DraftStep): Offender[] {
  if (step.core === undefined) return [];
  const terms = elementCount(step.core.reduce) + step.core.addends.length + 2;
  const node = step.nodes[0] ?? step.name;
  if (step.core.kind === stepKinds.contraction && terms >= MAX_TERMS) return [{ node, op: "contraction", reason: `it sums ${terms} terms; fewer than ${MAX_TERMS} are supported` }];
  return elementCount(step.core.reduce) === 0 ? [{ node, op: "reduction", reason: "it reduces over no elements" }] : [];
}
