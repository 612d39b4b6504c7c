import { makeValueInfo } from "../onnx/graphs.ts";
import { extractGraph } from "../onnx/extractGraph.ts";
import { parseModel } from "../onnx/parseModel.ts";
import { serializeModel } from "../onnx/serializeModel.ts";
import { stepsOf } from "../program/blocks.ts";
import type { Program, TraceTensor } from "../program/types.ts";
import type { CompiledModel } from "./compiledModel.ts";
import { commitShape, cutInputName, cutOutputName, traceName } from "./graphNames.ts";
import { cutAt, toCommitLayout } from "./tracedGraph.ts";

/**
 * The graph from which the executable graph is made, by letting ONNX Runtime optimise and save it: the folded graph cut at every posted tensor, with every
 * inner one exposed. What is fused then hides no tensor that the judge needs, and no fusion reaches across a border, so that a block alone
 * computes exactly what it computes in a run of the whole.
 */
export function cutGraph({ program, model }: CompiledModel): Uint8Array {
  const parsed = parseModel(model);
  const borders = cutAt(parsed, program.trace);
  parsed.graph.output = [...borders, ...program.inner.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape))];
  return serializeModel(parsed);
}

/**
 * The executable graph for a normal run: the optimised cut graph sewn together at its borders, which alone are its outputs, `trace:0`, `trace:1`, …,
 * in commit layout.
 */
export function executableGraph(program: Program, optimised: Uint8Array): Uint8Array {
  const parsed = parseModel(optimised);
  const seams = new Map(program.trace.flatMap(({ step }, index) => [cutInputName(step), cutOutputName(step)].map((name) => [name, traceName(index)] as const)));
  const sewn = (name: string): string => seams.get(name) ?? name;
  for (const node of parsed.graph.node) {
    node.input = node.input.map(sewn);
    node.output = node.output.map(sewn);
  }
  return serializeModel(extractGraph(parsed, program.trace.map((tensor, index) => makeValueInfo(traceName(index), tensor.dtype, commitShape(tensor)))));
}

/** The part of the optimised cut graph that computes the posted tensors, each block from the inputs and the posted tensors `in:STEP` that it reads. */
export function bordersGraph(program: Program, optimised: Uint8Array): Uint8Array {
  return serializeModel(extractGraph(parseModel(optimised), program.trace.map(outputInfo)));
}

/** The part of the optimised cut graph that computes one block from committed tensors: all results of its steps, posted and inner, as `out:STEP`. */
export function blockGraph(program: Program, optimised: Uint8Array, blockIndex: number): Uint8Array {
  const parsed = parseModel(optimised);
  const steps = new Set(stepsOf(program, blockIndex).map(([index]) => index));
  const inner = program.inner.filter(({ step }) => steps.has(step));
  const borders = program.trace.filter(({ step }) => steps.has(step));
  parsed.graph.node.push(...inner.map((tensor) => toCommitLayout(tensor, tensor.name, cutOutputName(tensor.step))));
  return serializeModel(extractGraph(parsed, [...inner, ...borders].map(outputInfo)));
}

function outputInfo(tensor: TraceTensor) {
  return makeValueInfo(cutOutputName(tensor.step), tensor.dtype, commitShape(tensor));
}
