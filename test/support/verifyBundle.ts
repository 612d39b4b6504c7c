import { InferenceSession, Tensor } from "onnxruntime-node";
import { commitShape, cutInputName, cutOutputName, traceName } from "../../protocol/lowering/graphNames.ts";
import { checkGraph, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { innerTensors } from "../../protocol/program/blocks.ts";
import { judgeElement } from "../../protocol/judge/judgeElement.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { elementReader, type RawElement } from "../../protocol/program/elements.ts";
import { dtypes, sources, type Dtype, type Step } from "../../protocol/program/types.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { weightBytes } from "../../runtime/bundle/weightBytes.ts";
import { isIntegerCode, type Num } from "./referenceExpression.ts";
import { accessIndex, allCoordinates, evaluateStep } from "./referenceStep.ts";
import { typeNames, type Data } from "./typedTensor.ts";

const options = { logSeverityLevel: 4, intraOpNumThreads: 1 } as const;

/** What the judge says of steps that it does not know. */
const UNSUPPORTED = new Set(["UNSUPPORTED_TYPE", "UNSUPPORTED_OP", "UNKNOWN_KIND", "EXPRESSION_OPCODE", "UNEXPECTED_ATTRIBUTES"]);

type Level = "disabled" | "all";
export type Inputs = Readonly<Record<string, Data>>;

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
  /** Steps of kinds or types that the judge does not decide. */
  unjudged: number[];
  /** Outputs decoded from the trace against the plain model. */
  outputError: number;
  /** Where the largest step error is. */
  worst?: string;
}

/**
 * Runs a bundle's graphs in ONNX Runtime and compares them with a naive evaluation of every step: all elements, or about `sample` of each
 * step.
 */
export async function verifyBundle(bundle: Bundle, modelBytes: Uint8Array, inputs: Inputs, sample = Infinity, level: Level = "disabled"): Promise<BundleReport> {
  const { program } = bundle;
  const feeds = Object.fromEntries(program.inputs.map(({ name, dtype, shape }) => [name, tensorOf(dtype, inputs[name]!, shape)]));
  // What each step defines, posted or inside of a block.
  const tensors = [...program.trace, ...program.inner].sort((a, b) => a.step - b.step);
  const traced = await run(tracedGraph({ ...bundle, program: { ...program, trace: tensors } }), feeds, level);
  const trace = tensors.map((tensor, index) => {
    const found = traced[traceName(index)]!;
    expectSame(found.dims, commitShape(tensor));
    return found.data as Data;
  });
  const report: BundleReport = { steps: program.steps.length, elements: 0, stepError: 0, checkError: 0, convicted: 0, missed: 0, unjudged: [], outputError: 0 };
  for (const [index, step] of program.steps.entries()) {
    const operands = step.operands.map(({ source, index: at }) => {
      if (source === sources.input) return bytesOf(inputs[program.inputs[at]!.name]!);
      if (source === sources.weight) return weightBytes(bundle, at);
      return bytesOf(trace[(source === sources.trace ? program.trace[at]! : innerTensors(program, step.blockIndex)[at]!).step]!);
    });
    const stride = Math.max(1, Math.floor(trace[index]!.length / sample) | 1);
    const expected = evaluateStep(step, operands, stride);
    report.elements += expected.length;
    const found = expected.map((_, k) => trace[index]![k * stride]!);
    const error = integersRounded(step) ? roundingError(found, expected) : difference(found, expected);
    if (error > report.stepError) report.worst = `step ${index} ${tensors[index]!.name} of ${program.nodes[index]!.join()}`;
    report.stepError = Math.max(report.stepError, error);
    judgeStep(step, index, operands, trace[index]!, stride, report);
  }
  const cutFeeds = Object.fromEntries(tensors.map((tensor, index) => [cutInputName(index), tensorOf(tensor.dtype, trace[index]!, commitShape(tensor))]));
  const checked = await run(checkGraph(bundle), { ...feeds, ...cutFeeds }, level);
  report.checkError = Math.max(...trace.map((data, index) => difference(checked[cutOutputName(index)]!.data as Data, data)));
  const plain = await run(modelBytes, feeds, "disabled");
  report.outputError = Math.max(
    ...program.outputs.map(({ name, shape, trace: at, access }) => {
      expectSame(plain[name]!.dims, shape);
      return difference(allCoordinates(shape).map((o) => trace[program.trace[at]!.step]![accessIndex(access, o)]!), plain[name]!.data as Data);
    }),
  );
  return report;
}

/** Puts elements of one step before the judge: as they are, and moved by a fiftieth of the tensor's largest number or by some whole steps. */
function judgeStep(step: Step, index: number, operands: readonly Uint8Array[], claimed: Data, stride: number, report: BundleReport): void {
  const readers = operands.map((bytes, k) => elementReader(bytes, step.operands[k]!.dtype));
  const read = (operand: number, element: number): RawElement => readers[operand]!(element);
  const { dtype } = step.result;
  const [honest, wrong] = [bytesOf(claimed), bytesOf(movedFrom(dtype, claimed))].map((bytes) => elementReader(bytes, dtype)) as [Reader, Reader];
  const judged = Math.max(stride, Math.floor((claimed.length * step.reduce.reduce((a, b) => a * b, 1)) / JUDGED_TAPS) | 1);
  try {
    for (let element = 0; element < claimed.length; element += judged) {
      if (judgeElement(step, read, element, honest(element)).fraud) report.convicted++;
      const finite = Number.isFinite(Number(claimed[element]));
      if (finite && honest(element) !== wrong(element) && !judgeElement(step, read, element, wrong(element)).fraud) report.missed++;
    }
  } catch (error) {
    if (!(error instanceof GainsayError) || !UNSUPPORTED.has(error.code)) throw error;
    report.unjudged.push(index);
  }
}

type Reader = (element: number) => RawElement;

/** Values that no rounding explains: floats moved by a fiftieth of the largest, integers by three, bools turned round. */
function movedFrom(dtype: Dtype, claimed: Data): Data {
  if (dtype === dtypes.float32) {
    const shift = scaleOf(claimed) / 50;
    return Float32Array.from(claimed as Float32Array, (value) => value + shift);
  }
  if (dtype === dtypes.int64) return BigInt64Array.from(claimed as BigInt64Array, (value) => value + 3n);
  if (dtype === dtypes.uint64) return BigUint64Array.from(claimed as BigUint64Array, (value) => value + 3n);
  if (dtype === dtypes.uint32) return Uint32Array.from(claimed as Uint32Array, (value) => value + 3);
  if (dtype === dtypes.uint16) return Uint16Array.from(claimed as Uint16Array, (value) => value + 3);
  if (dtype === dtypes.int16) return Int16Array.from(claimed as Int16Array, (value) => value + 3);
  if (dtype === dtypes.int32) return Int32Array.from(claimed as Int32Array, (value) => value + 3);
  if (dtype === dtypes.int8) return Int8Array.from(claimed as Int8Array, (value) => (value > 0 ? value - 3 : value + 3));
  return Uint8Array.from(claimed as Uint8Array, (value) => (dtype === dtypes.bool ? 1 - value : value > 100 ? value - 3 : value + 3));
}

/** A number that is rounded to an integer may lie so near to a half that float32 and float64 round it apart. */
function integersRounded({ result, operands, expression }: Step): boolean {
  const floats = [result, ...operands].some(({ dtype }) => dtype === dtypes.float32) || !isIntegerCode(expression);
  return floats && result.dtype !== dtypes.float32 && result.dtype !== dtypes.bool && expression.length > 0;
}

/** 0 if no integer is off by more than one and hardly any at all. */
function roundingError(actual: readonly Num[], expected: readonly Num[]): number {
  const apart = actual.map((value, k) => (Number.isNaN(expected[k]) ? 0 : Math.abs(Number(value) - Number(expected[k]))));
  if (apart.some((distance) => distance > 1)) return Math.max(...apart);
  return apart.filter((distance) => distance > 0).length <= 1 + actual.length / 500 ? 0 : 1;
}

async function run(model: Uint8Array, feeds: Record<string, Tensor>, level: Level): Promise<InferenceSession.OnnxValueMapType> {
  const session = await InferenceSession.create(model, { ...options, graphOptimizationLevel: level });
  const needed = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
  const results = await session.run(needed);
  await session.release();
  return results;
}

function difference(actual: ArrayLike<Num>, expected: ArrayLike<Num>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} elements instead of ${expected.length}`);
  const scale = scaleOf(expected);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (Object.is(a, b) || a === b || (typeof a === "bigint" && Number.isNaN(b))) continue;
    const distance = Math.abs(Number(a) - Number(b)) / scale;
    worst = Math.max(worst, Number.isNaN(distance) ? Infinity : distance);
  }
  return worst;
}

/** The largest finite magnitude, but not less than 1e-3. */
function scaleOf(values: ArrayLike<Num>): number {
  let scale = 1e-3;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  }
  return scale;
}

function tensorOf(dtype: Dtype, data: Data, shape: readonly number[]): Tensor {
  // The constructor is overloaded by element type; which overload applies is known only at run time.
  return new Tensor(typeNames[dtype as keyof typeof typeNames] as "float32", data as Float32Array, shape);
}

function expectSame(actual: readonly number[], expected: readonly number[]): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`shape [${actual.join()}] instead of [${expected.join()}]`);
}

function bytesOf(array: Data): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
