import { isInner, operandReader, resultOf, tensorOf, type ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../protocol/errors.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { judgeElement, type ElementVerdict } from "../../protocol/judge/judgeElement.ts";
import { floatOf } from "../../protocol/judge/float32.ts";
import { elementReader, elementValue, floatsIn } from "../../protocol/program/elements.ts";
import { judgeScreened } from "../../protocol/judge/judgeScreened.ts";
import { blockAt, hasInner, stepsOf } from "../../protocol/program/blocks.ts";
import { dtypes, sources, stepKinds, type Program, type Step, type TraceTensor } from "../../protocol/program/types.ts";
import type { LoadedProgram, PostedBytes } from "../programs/loadedProgram.ts";
import { deviation, findSuspects } from "./suspects.ts";

/** One number of the executor's trace that the judge calls fraud. */
export interface Finding {
  stepIndex: number;
  element: number;
  /** The claimed inner trace of the step's block, if the judge has to be shown any of it. */
  inner?: readonly CommittedTensor[];
  claimed: number;
  verdict: ElementVerdict;
}

export interface TraceReport {
  /** The worst fraudulent element of the first step that has one. */
  finding?: Finding;
  /** Elements whose floats differ from the recomputed ones. */
  differing: number;
  /** Elements that were judged. */
  judged: number;
  /** Blocks that were looked into, because what they post is not what follows from what they read; the furthest off first. */
  opened: number[];
}

export interface CheckOptions {
  signal?: AbortSignal;
  /** So many elements of each step that is looked at are judged besides, evenly spread, although nothing differs; all of a smaller step. Default 0. */
  everyElementOf?: number;
  /**
   * The claimed inner trace of a block, for programs that have any. If it fails, the other blocks are looked into nevertheless, since what one of them
   * shows may be enough.
   */
  inner?: (blockIndex: number) => Promise<readonly CommittedTensor[]>;
  /** Looks into every block. Default: those of which a posted tensor differs by more than the tolerance. */
  everyBlock?: boolean;
  /**
   * The posted tensors of the checker's own execution of the same inputs. A block that reads nothing but inputs and tensors which are equal in both gives what
   * it gave there, so it is not run again. Without it all blocks are run.
   */
  own?: readonly CommittedTensor[];
  /** How far a posted float32 tensor may be from the recomputed one, in units of its largest number, before its block is looked into. Default 0. */
  tolerance?: number;
}

/** What follows from claimed tensors for a step; nothing where it cannot be run on them. */
interface StepResult {
  stepIndex: number;
  own: Uint8Array | undefined;
}

/**
 * Checks an executor's trace from the executor's own committed tensors, so that rounding differences do not add up. Every posted tensor is
 * recomputed from the posted ones that its block reads, in one run; where a block differs, every step of it is recomputed from the block's
 * claimed inner trace, and the judge decides where a number of a step differs. Where ONNX Runtime fails on what is claimed, such as an index out of range, each
 * block and each step is run by itself, and all of a step that fails even so is judged: a false number keeps nobody from finding it. Throws `INNER_TRACE_UNAVAILABLE` if
 * nothing was found false and a block could not be looked into.
 */
export async function checkTrace(loaded: LoadedProgram, inputs: readonly CommittedTensor[], claimed: readonly CommittedTensor[], options: CheckOptions = {}): Promise<TraceReport> {
  const { program } = loaded;
  const posted = { inputs: inputs.map(({ bytes }) => bytes), tensors: claimed.map(({ bytes }) => bytes) };
  const whole = follows(program, claimed, options.own) ?? (await attempt(() => loaded.recompute(posted.inputs, posted.tensors, options.signal)));
  const tensors: ExecutionTensors = { inputs, trace: claimed, weight: await loaded.weights() };
  const report: TraceReport = { differing: 0, judged: 0, opened: [] };
  if (!hasInner(program)) return checkSteps(program, whole === undefined ? stepByStep(loaded, program.steps.keys(), tensors, options.signal) : program.trace.map(({ step }, i) => ({ stepIndex: step, own: whole[i] })), tensors, report, options);
  const own = whole ?? (await blockByBlock(loaded, posted, options.signal));
  const suspicious = suspiciousBlocks(program, posted.tensors, own, options);
  const failures: unknown[] = [];
  for (const blockIndex of suspicious) {
    const inner = await innerOf(program, blockIndex, options).catch((error: unknown) => void failures.push(error));
    if (inner === undefined) continue;
    await checkBlock(loaded, blockIndex, { ...tensors, inner: (block) => (block === blockIndex ? inner : undefined) }, report, options);
    if (report.finding !== undefined) return report;
  }
  if (failures.length > 0) throw new GainsayError("The inner trace of a block that has to be looked into cannot be had.", { code: "INNER_TRACE_UNAVAILABLE", retryable: true, details: { block: suspicious[0] }, cause: failures[0] });
  return report;
}

/**
 * The blocks that have to be looked into, the furthest off first. What keeps a block from running came from an earlier one, which may be off by little: so where
 * one does not run there is no tolerance, and it comes last.
 */
function suspiciousBlocks(program: Program, claimed: readonly Uint8Array[], own: readonly (Uint8Array | undefined)[], { everyBlock = false, tolerance = 0 }: CheckOptions): number[] {
  const blocks = program.blocks.map(({ borders }, blockIndex) => {
    const runs = borders.every((tensor) => own[tensor] !== undefined);
    return { blockIndex, runs, deviation: runs ? Math.max(...borders.map((tensor) => deviation(claimed[tensor] as Uint8Array, own[tensor] as Uint8Array, (program.trace[tensor] as TraceTensor).dtype))) : 0 };
  });
  const least = blocks.every(({ runs }) => runs) ? tolerance : 0;
  return blocks
    .filter(({ runs, deviation }) => everyBlock || !runs || deviation > least)
    .sort((a, b) => Number(b.runs) - Number(a.runs) || (a.deviation === b.deviation ? a.blockIndex - b.blockIndex : b.deviation > a.deviation ? 1 : -1))
    .map(({ blockIndex }) => blockIndex);
}

/** Codes of a run that failed, be it for the numbers that it was given. */
const failed = new Set(["INFERENCE_FAILED", "INFERENCE_CRASHED"]);

/** Resolves to nothing if ONNX Runtime fails. Where its process ended, which may have had another cause, it is asked twice. */
async function attempt<T>(run: () => Promise<T>, again = true): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof GainsayError && failed.has(error.code))) throw error;
    return again && error.retryable ? attempt(run, false) : undefined;
  }
}

/** What follows from the posted tensors, as far as the blocks can be run on them. */
async function blockByBlock(loaded: LoadedProgram, posted: PostedBytes, signal: AbortSignal | undefined): Promise<(Uint8Array | undefined)[]> {
  const { blocks, trace } = loaded.program;
  const own = trace.map((): Uint8Array | undefined => undefined);
  for (const blockIndex of blocks.keys()) {
    signal?.throwIfAborted();
    const expansion = await attempt(() => loaded.expand(blockIndex, posted, signal));
    for (const [tensor, bytes] of expansion?.borders ?? []) own[tensor] = bytes;
  }
  return own;
}

/** What follows from the claimed tensors, step by step, each run when it is its turn. */
async function* stepByStep(loaded: LoadedProgram, steps: Iterable<number>, tensors: ExecutionTensors, signal: AbortSignal | undefined): AsyncGenerator<StepResult> {
  const posted = { inputs: bytesOf(tensors.inputs), tensors: bytesOf(tensors.trace) };
  for (const stepIndex of steps) {
    const { blockIndex } = loaded.program.steps[stepIndex] as Step;
    yield { stepIndex, own: await attempt(() => loaded.recomputeStep(stepIndex, posted, bytesOf(tensors.inner?.(blockIndex) ?? []), signal)) };
  }
}

function bytesOf(list: readonly CommittedTensor[]): Uint8Array[] {
  return list.map(({ bytes }) => bytes);
}

/** What follows from the claimed tensors, if the checker's own execution tells it already: for one block, or one step, without claimed tensors to read it always does. */
function follows(program: Program, claimed: readonly CommittedTensor[], own: readonly CommittedTensor[] | undefined): Uint8Array[] | undefined {
  if (own === undefined) return undefined;
  const read = new Set(program.steps.flatMap(({ operands }) => operands.flatMap(({ source, index }) => (source === sources.trace ? [index] : []))));
  for (const index of read) if (own[index]?.root !== claimed[index]?.root) return undefined;
  return own.map(({ bytes }) => bytes);
}

/**
 * Recomputes every step of a block from the block's claimed inner trace, and judges where a number differs. Adds to the report, and resolves to it.
 * `tensors.inner` must have the block.
 */
export async function checkBlock(loaded: LoadedProgram, blockIndex: number, tensors: ExecutionTensors, report: TraceReport = { differing: 0, judged: 0, opened: [] }, options: Pick<CheckOptions, "signal" | "everyElementOf"> = {}): Promise<TraceReport> {
  const { program } = loaded;
  const results = await attempt(() => loaded.recomputeSteps(blockIndex, { inputs: bytesOf(tensors.inputs), tensors: bytesOf(tensors.trace) }, bytesOf(tensors.inner?.(blockIndex) ?? []), options.signal));
  const steps = stepsOf(program, blockIndex).map(([step]) => step);
  report.opened.push(blockIndex);
  return checkSteps(program, results === undefined ? stepByStep(loaded, steps, tensors, options.signal) : steps.map((stepIndex, i) => ({ stepIndex, own: results[i] })), tensors, report, options);
}

async function innerOf(program: Program, blockIndex: number, { inner }: CheckOptions): Promise<readonly CommittedTensor[]> {
  if (blockAt(program, blockIndex).innerCount === 0) return [];
  if (inner === undefined) throw new GainsayError("The program has inner tensors, and nobody to ask for them was named.", { code: "INNER_TRACE_MISSING", details: { block: blockIndex } });
  return inner(blockIndex);
}

/** Judges steps where they differ from what was recomputed, all of a step where nothing was, until one is found false; adds to the report. */
async function checkSteps(program: Program, results: Iterable<StepResult> | AsyncIterable<StepResult>, tensors: ExecutionTensors, report: TraceReport, { signal, everyElementOf = 0 }: CheckOptions): Promise<TraceReport> {
  for await (const { stepIndex, own } of results) {
    signal?.throwIfAborted();
    const step = program.steps[stepIndex] as Step;
    const { result } = step;
    const suspects = own === undefined ? [] : findSuspects(resultOf(step, tensors).bytes, own, result.dtype);
    report.differing += suspects.length;
    const elements = new Set([...suspects.map(({ element }) => element), ...spreadElements(result.shape, own === undefined ? Infinity : everyElementOf)]);
    const { judged, finding } = await judgeElements(program, stepIndex, [...elements], tensors, signal);
    report.judged += judged;
    if (finding === undefined) continue;
    report.finding = finding;
    break;
  }
  return report;
}

/** Up to `limit` elements of a tensor, evenly spread from the first to the last. */
function spreadElements(shape: readonly number[], limit: number): number[] {
  const count = shape.reduce((product, size) => product * size, 1);
  const wanted = Math.min(limit, count);
  return Array.from({ length: wanted }, (_, i) => (wanted === 1 ? 0 : Math.floor((i * (count - 1)) / (wanted - 1))));
}

/** How many elements are judged before the event loop gets a turn. */
const ELEMENTS_A_TURN = 64;

/** Judges elements of one step and returns the fraudulent one that is furthest outside its bound. */
export async function judgeElements(program: Program, stepIndex: number, elements: readonly number[], tensors: ExecutionTensors, signal?: AbortSignal): Promise<{ finding?: Finding; judged: number }> {
  const step = program.steps[stepIndex] as Step;
  const claimedAt = elementReader(resultOf(step, tensors).bytes, step.result.dtype);
  const read = operandReader(step, tensors);
  const factors = factorsOf(step, tensors);
  let worst: Omit<Finding, "claimed"> | undefined;
  for (const [done, element] of elements.entries()) {
    if (done % ELEMENTS_A_TURN === 0) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const verdict = judgeScreened(step, read, element, claimedAt(element), factors);
    if (!verdict.fraud) continue;
    if (worst === undefined || marginOf(verdict) > marginOf(worst.verdict)) worst = { stepIndex, element, verdict };
  }
  if (worst === undefined) return { judged: elements.length };
  const claimed = claimedAt(worst.element);
  const inner = isInner(step) ? tensors.inner?.(step.blockIndex) : undefined;
  return { judged: elements.length, finding: { ...worst, ...(inner === undefined ? {} : { inner }), claimed: elementValue(claimed, step.result.dtype), verdict: judgeElement(step, read, worst.element, claimed, true) } };
}

/** The factors of a contraction of float32, which the screen reads thousands of times for each element. */
function factorsOf(step: Step, tensors: ExecutionTensors): readonly [Float32Array, Float32Array] | undefined {
  const [first, second] = step.operands;
  if (step.kind !== stepKinds.contraction || first?.dtype !== dtypes.float32 || second?.dtype !== dtypes.float32) return undefined;
  return [floatsIn(tensorOf(first, tensors, step.blockIndex).bytes), floatsIn(tensorOf(second, tensors, step.blockIndex).bytes)];
}

function marginOf(verdict: ElementVerdict): number {
  return verdict.margin ?? Infinity;
}

/** A finding as log lines show it: the claimed float, the exact value and bound where the step is a bare sum, the sound interval. */
export function describeFinding({ stepIndex, element, claimed, verdict }: Finding): Record<string, unknown> {
  const { exact, bound, margin } = verdict;
  return { step: stepIndex, element, claimed: String(claimed), exact, bound, margin, soundFrom: String(floatOf(verdict.lo)), soundTo: String(floatOf(verdict.hi)) };
}
