import { InferenceSession, Tensor } from "onnxruntime-node";
import { checkGraph, cutInputName, cutOutputName, commitShape, traceName, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { sources } from "../../protocol/program/types.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { weightBytes } from "../../runtime/bundle/weightBytes.ts";
import { accessIndex, allCoordinates, evaluateStep } from "./referenceStep.ts";

const options = { logSeverityLevel: 4, graphOptimizationLevel: "disabled", intraOpNumThreads: 1 } as const;

/** The largest relative difference of each check; relative to the tensor's largest number. */
export interface BundleReport {
  steps: number;
  elements: number;
  /** Step results against the traced graph. */
  stepError: number;
  /** The check graph fed with the trace, against the trace. */
  checkError: number;
  /** Outputs decoded from the trace against the plain model. */
  outputError: number;
}

/**
 * Runs a bundle's graphs in ONNX Runtime and compares them with a naive evaluation of every step: all elements, or about `sample` of each
 * step.
 */
export async function verifyBundle(bundle: Bundle, modelBytes: Uint8Array, inputs: Readonly<Record<string, Float32Array>>, sample = Infinity): Promise<BundleReport> {
  const { program } = bundle;
  const feeds = Object.fromEntries(program.inputs.map(({ name, shape }) => [name, new Tensor("float32", inputs[name]!, shape)]));
  const traced = await run(tracedGraph(bundle), feeds);
  const trace = program.trace.map((tensor, index) => {
    const found = traced[traceName(index)]!;
    expectSame(found.dims, commitShape(tensor));
    return found.data as Float32Array;
  });
  let stepError = 0;
  let elements = 0;
  for (const [index, step] of program.steps.entries()) {
    const operands = step.operands.map(({ source, index: at }) => {
      if (source === sources.input) return bytesOf(inputs[program.inputs[at]!.name]!);
      return source === sources.weight ? weightBytes(bundle, at) : bytesOf(trace[at]!);
    });
    const stride = Math.max(1, Math.floor(trace[index]!.length / sample) | 1);
    const expected = evaluateStep(step, operands, stride);
    elements += expected.length;
    stepError = Math.max(stepError, difference(trace[index]!.filter((_, element) => element % stride === 0), expected));
  }
  const cutFeeds = Object.fromEntries(program.trace.map((tensor, index) => [cutInputName(index), new Tensor("float32", trace[index]!, commitShape(tensor))]));
  const checked = await run(checkGraph(bundle), { ...feeds, ...cutFeeds });
  const checkError = Math.max(...trace.map((data, index) => difference(checked[cutOutputName(index)]!.data as Float32Array, data)));
  const plain = await run(modelBytes, feeds);
  const outputError = Math.max(
    ...program.outputs.map(({ name, shape, trace: at, access }) => {
      expectSame(plain[name]!.dims, shape);
      return difference(Float32Array.from(allCoordinates(shape), (o) => trace[at]![accessIndex(access, o)]!), plain[name]!.data as Float32Array);
    }),
  );
  return { steps: program.steps.length, elements, stepError, checkError, outputError };
}

async function run(model: Uint8Array, feeds: Record<string, Tensor>): Promise<InferenceSession.OnnxValueMapType> {
  const session = await InferenceSession.create(model, options);
  const needed = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
  const results = await session.run(needed);
  await session.release();
  return results;
}

function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} elements instead of ${expected.length}`);
  let scale = 1e-3;
  for (let i = 0; i < expected.length; i++) if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]!));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const distance = Math.abs(actual[i]! - expected[i]!) / scale;
    worst = Math.max(worst, Number.isNaN(distance) ? Infinity : distance);
  }
  return worst;
}

function expectSame(actual: readonly number[], expected: readonly number[]): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`shape [${actual.join()}] instead of [${expected.join()}]`);
}

function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
