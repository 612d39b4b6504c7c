import { makeNode, makeValueInfo } from "../onnx/graphs.ts";
import { parseModel } from "../onnx/parseModel.ts";
import { serializeModel } from "../onnx/serializeModel.ts";
import type { NodeProto } from "../onnx/generated/onnx_pb.ts";
import type { TraceTensor } from "../program/types.ts";
import type { CompiledModel } from "./compiledModel.ts";
import { invertPerm, isIdentityPerm } from "./layout.ts";

/** Name of trace tensor `index` among the outputs of the traced graph. */
export const traceName = (index: number): string => `trace:${index}`;

/** Name of trace tensor `index` among the inputs of the check graph. */
export const cutInputName = (index: number): string => `in:${index}`;

/** Name of the recomputed trace tensor `index` among the outputs of the check graph. */
export const cutOutputName = (index: number): string => `out:${index}`;

/** Names that a model must not use itself. */
export const reservedName = /^(trace|in|out|cut):\d+$/;

/** The folded graph with exactly the posted trace as outputs, `trace:0`, `trace:1`, …, each in commit layout. */
export function tracedGraph({ program, model }: CompiledModel): Uint8Array {
  const parsed = parseModel(model);
  parsed.graph.node.push(...program.trace.map((tensor, index) => toCommitLayout(tensor, tensor.name, traceName(index))));
  parsed.graph.output = program.trace.map((tensor, index) => makeValueInfo(traceName(index), tensor.dtype, commitShape(tensor)));
  return serializeModel(parsed);
}

/**
 * The folded graph cut at every committed tensor: besides the model's inputs it takes each trace tensor as `in:i`, in commit layout,
 * and computes each again as `out:i` from the inputs it was given. One run recomputes every step from committed tensors.
 */
export function checkGraph({ program, model }: CompiledModel): Uint8Array {
  const parsed = parseModel(model);
  const cuts = new Map(program.trace.map((tensor, index) => [tensor.name, `cut:${index}`]));
  const inputs = new Set(parsed.graph.input.map(({ name }) => name));
  const initializers = new Set(parsed.graph.initializer.map(({ name }) => name));
  for (const node of parsed.graph.node) {
    // A trace tensor that merely copies a model input or a weight cuts nothing: its readers read the original.
    node.input = node.input.map((name) => (inputs.has(name) || initializers.has(name) ? name : (cuts.get(name) ?? name)));
  }
  const entries = program.trace.map((tensor, index) => permuteNode(cutInputName(index), `cut:${index}`, invertPerm(tensor.perm), `cut ${index}`));
  const exits = program.trace.map((tensor, index) => toCommitLayout(tensor, tensor.name, cutOutputName(index)));
  parsed.graph.node = [...entries, ...parsed.graph.node, ...exits];
  parsed.graph.input.push(...program.trace.map((tensor, index) => makeValueInfo(cutInputName(index), tensor.dtype, commitShape(tensor))));
  parsed.graph.output = program.trace.map((tensor, index) => makeValueInfo(cutOutputName(index), tensor.dtype, commitShape(tensor)));
  return serializeModel(parsed);
}

/** Shape of a trace tensor with its axes in commit order. */
export function commitShape(tensor: TraceTensor): number[] {
  return tensor.perm.map((axis) => tensor.shape[axis]!);
}

function toCommitLayout(tensor: TraceTensor, from: string, to: string): NodeProto {
  return permuteNode(from, to, tensor.perm, `commit ${to}`);
}

function permuteNode(from: string, to: string, perm: readonly number[], name: string): NodeProto {
  return isIdentityPerm(perm) ? makeNode("Identity", [from], [to], {}, name) : makeNode("Transpose", [from], [to], { perm: { ints: perm } }, name);
}
