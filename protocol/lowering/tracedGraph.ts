import { extractGraph } from "../onnx/extractGraph.ts";
import { makeNode, makeValueInfo } from "../onnx/graphs.ts";
import { parseModel, type Model } from "../onnx/parseModel.ts";
import { serializeModel } from "../onnx/serializeModel.ts";
import type { NodeProto, ValueInfoProto } from "../onnx/generated/onnx_pb.ts";
import type { TraceTensor } from "../program/types.ts";
import type { CompiledModel } from "./compiledModel.ts";
import { commitShape, cutInputName, cutOutputName, traceName } from "./graphNames.ts";
import { invertPerm, isIdentityPerm } from "./layout.ts";

/** The folded graph with exactly the posted trace as outputs, `trace:0`, `trace:1`, …, each in commit layout. */
export function tracedGraph({ program, model }: CompiledModel): Uint8Array {
  const parsed = parseModel(model);
  const { graph } = parsed;
  const computed = new Set(graph.node.flatMap(({ output }) => output));
  /** What is computed in commit layout already is an output by its own name: a copy of each would cost as much as many of the nodes. */
  const names = new Map<string, string>();
  const copies = program.trace.flatMap((tensor, index) => {
    const isOutput = isIdentityPerm(tensor.perm) && computed.has(tensor.name) && !names.has(tensor.name);
    if (isOutput) names.set(tensor.name, traceName(index));
    return isOutput ? [] : [{ tensor, to: traceName(index) }];
  });
  const nameOf = (name: string): string => names.get(name) ?? name;
  for (const node of graph.node) {
    node.input = node.input.map(nameOf);
    node.output = node.output.map(nameOf);
  }
  graph.valueInfo = graph.valueInfo.filter(({ name }) => !names.has(name));
  graph.node.push(...copies.map(({ tensor, to }) => toCommitLayout(tensor, nameOf(tensor.name), to)));
  graph.output = program.trace.map((tensor, index) => makeValueInfo(traceName(index), tensor.dtype, commitShape(tensor)));
  return serializeModel(parsed);
}

/**
 * The folded graph cut at every committed tensor, inner ones too: besides the model's inputs it takes results as `in:STEP`, in commit layout, and
 * computes the results of `steps` (default: all) as `out:STEP` from the inputs it was given. One run recomputes every step from committed
 * tensors. It has only the inputs that these steps read.
 */
export function checkGraph({ program, model }: CompiledModel, steps?: readonly number[]): Uint8Array {
  const tensors = [...program.trace, ...program.inner];
  const wanted = steps === undefined ? undefined : new Set(steps);
  const parsed = parseModel(model);
  const outputs = cutAt(parsed, tensors);
  return serializeModel(extractGraph(parsed, outputs.filter((_, i) => wanted?.has(tensors[i]!.step) ?? true)));
}

/** Cuts a graph at tensors: whoever reads one reads `in:STEP` instead, and `out:STEP` is what is computed. Returns what could be outputs, one a tensor. */
export function cutAt({ graph }: Model, tensors: readonly TraceTensor[]): ValueInfoProto[] {
  const cuts = new Map(tensors.map(({ name, step }) => [name, `cut:${step}`]));
  const inputs = new Set(graph.input.map(({ name }) => name));
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  for (const node of graph.node) {
    // A trace tensor that merely copies a model input or a weight cuts nothing: its readers read the original.
    node.input = node.input.map((name) => (inputs.has(name) || initializers.has(name) ? name : (cuts.get(name) ?? name)));
  }
  const entries = tensors.map(({ step, perm }) => permuteNode(cutInputName(step), `cut:${step}`, invertPerm(perm), `cut ${step}`));
  const exits = tensors.map((tensor) => toCommitLayout(tensor, tensor.name, cutOutputName(tensor.step)));
  graph.node = [...entries, ...graph.node, ...exits];
  graph.input.push(...tensors.map((tensor) => makeValueInfo(cutInputName(tensor.step), tensor.dtype, commitShape(tensor))));
  return tensors.map((tensor) => makeValueInfo(cutOutputName(tensor.step), tensor.dtype, commitShape(tensor)));
}

/** The node that brings a value into commit layout. */
export function toCommitLayout(tensor: TraceTensor, from: string, to: string): NodeProto {
  return permuteNode(from, to, tensor.perm, `commit ${to}`);
}

function permuteNode(from: string, to: string, perm: readonly number[], name: string): NodeProto {
  return isIdentityPerm(perm) ? makeNode("Identity", [from], [to], {}, name) : makeNode("Transpose", [from], [to], { perm: { ints: perm } }, name);
}
