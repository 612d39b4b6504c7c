import { InferenceSession, Tensor } from "onnxruntime-node";
import { checkGraph, cutInputName, cutOutputName, commitShape, traceName, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { judgeElement } from "../../protocol/judge/judgeElement.ts";
import { sources } from "../../protocol/program/types.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { weightBytes } from "../../runtime/bundle/weightBytes.ts";
import { accessIndex, allCoordinates, evaluateStep } from "./referenceStep.ts";

const options = { logSeverityLevel: 4, graphOptimizationLevel: "disabled", intraOpNumThreads: 1 } as const;

/** The judge works on big integers: about this many taps of a step are put before it. */
const JUDGED_TAPS = 20_000;

/** The largest relative difference of each check; relative to the tensor's largest number. */
export interface BundleReport {
  steps: number;
  elements: number;
  /** Step results against the traced graph. */
  stepError: number;
  /** The check graph fed with the trace, against the trace. */
  checkError: number;
  /** Elements of the traced run that the judge calls fraud; an honest run has none. */
  convicted: number;
  /** Elements that the judge calls sound although they were moved by a fiftieth of the tensor's largest number. */
  missed: number;
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
  let convicted = 0;
  let missed = 0;
  for (const [index, step] of program.steps.entries()) {
    const operands = step.operands.map(({ source, index: at }) => {
      if (source === sources.input) return bytesOf(inputs[program.inputs[at]!.name]!);
      return source === sources.weight ? weightBytes(bundle, at) : bytesOf(trace[at]!);
    });
    const stride = Math.max(1, Math.floor(trace[index]!.length / sample) | 1);
    const expected = evaluateStep(step, operands, stride);
    elements += expected.length;
    stepError = Math.max(stepError, difference(trace[index]!.filter((_, element) => element % stride === 0), expected));
    const words = operands.map(wordsOf);
    const read = (operand: number, element: number): number => words[operand]![element]!;
    const shift = scaleOf(trace[index]!) / 50;
    const moved = trace[index]!.map((value) => value + shift);
    const [honest, wrong] = [wordsOf(bytesOf(trace[index]!)), wordsOf(bytesOf(moved))];
    const judged = Math.max(stride, Math.floor((honest.length * step.reduce.reduce((a, b) => a * b, 1)) / JUDGED_TAPS) | 1);
    for (let element = 0; element < honest.length; element += judged) {
      if (judgeElement(step, read, element, honest[element]!).fraud) convicted++;
      if (Number.isFinite(moved[element]) && !judgeElement(step, read, element, wrong[element]!).fraud) missed++;
    }
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
  return { steps: program.steps.length, elements, stepError, convicted, missed, checkError, outputError };
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
  const scale = scaleOf(expected);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    const distance = Math.abs(actual[i]! - expected[i]!) / scale;
    worst = Math.max(worst, Number.isNaN(distance) ? Infinity : distance);
  }
  return worst;
}

/** The largest finite magnitude, but not less than 1e-3. */
function scaleOf(values: ArrayLike<number>): number {
  let scale = 1e-3;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) scale = Math.max(scale, Math.abs(values[i]!));
  return scale;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

function expectSame(actual: readonly number[], expected: readonly number[]): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`shape [${actual.join()}] instead of [${expected.join()}]`);
}

function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
