import { operandReader, type ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { judgeElement, type ElementVerdict } from "../../protocol/judge/judgeElement.ts";
import { floatOf } from "../../protocol/judge/float32.ts";
import { elementReader, elementValue } from "../../protocol/program/elements.ts";
import { judgeScreened } from "../../protocol/judge/judgeScreened.ts";
import { sources, type Program } from "../../protocol/program/types.ts";
import type { LoadedProgram } from "../programs/createPrograms.ts";
import { findSuspects } from "./suspects.ts";

/** One number of the executor's trace that the judge calls fraud. */
export interface Finding {
  stepIndex: number;
  /** Trace index of the tensor that the step defines. */
  tensor: number;
  element: number;
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
}

export interface CheckOptions {
  signal?: AbortSignal;
  /** So many elements of each step are judged besides, evenly spread, although nothing differs; all of a smaller step. Default 0. */
  everyElementOf?: number;
}

/**
 * Checks every step of an executor's trace from the executor's own committed inputs of that step, so that rounding differences
 * do not add up: all steps are recomputed in one run, and the judge decides where a float differs.
 */
export async function checkTrace(loaded: LoadedProgram, inputs: readonly CommittedTensor[], claimed: readonly CommittedTensor[], options: CheckOptions = {}): Promise<TraceReport> {
  const { signal, everyElementOf = 0 } = options;
  const { program } = loaded;
  const own = await loaded.recompute(inputs.map(({ bytes }) => bytes), claimed.map(({ bytes }) => bytes), signal);
  const tensors: ExecutionTensors = { inputs, trace: claimed, weight: (index) => loaded.weight(index) };
  const report: TraceReport = { differing: 0, judged: 0 };
  for (const [stepIndex, step] of program.steps.entries()) {
    if (step.result.source !== sources.trace) continue;
    signal?.throwIfAborted();
    const tensor = step.result.index;
    const suspects = findSuspects((claimed[tensor] as CommittedTensor).bytes, own[tensor] as Uint8Array, step.result.dtype);
    report.differing += suspects.length;
    const elements = new Set([...suspects.map(({ element }) => element), ...spreadElements(step.result.shape, everyElementOf)]);
    const worst = await judgeElements(program, stepIndex, [...elements], tensors, signal);
    report.judged += worst.judged;
    if (worst.finding !== undefined) return { ...report, finding: worst.finding };
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
  const step = program.steps[stepIndex] as Program["steps"][number];
  const tensor = step.result.index;
  const { bytes } = tensors.trace[tensor] as CommittedTensor;
  const claimedAt = elementReader(bytes, step.result.dtype);
  const read = operandReader(step, tensors);
  let worst: Omit<Finding, "claimed"> | undefined;
  for (const [done, element] of elements.entries()) {
    if (done % ELEMENTS_A_TURN === 0) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const verdict = judgeScreened(step, read, element, claimedAt(element));
    if (!verdict.fraud) continue;
    if (worst === undefined || marginOf(verdict) > marginOf(worst.verdict)) worst = { stepIndex, tensor, element, verdict };
  }
  if (worst === undefined) return { judged: elements.length };
  const claimed = claimedAt(worst.element);
  return { judged: elements.length, finding: { ...worst, claimed: elementValue(claimed, step.result.dtype), verdict: judgeElement(step, read, worst.element, claimed, true) } };
}

function marginOf(verdict: ElementVerdict): number {
  return verdict.margin ?? Infinity;
}

/** A finding as log lines show it: the claimed float, the exact value and bound where the step is a bare sum, the sound interval. */
export function describeFinding({ stepIndex, element, claimed, verdict }: Finding): Record<string, unknown> {
  const { exact, bound, margin } = verdict;
  return { step: stepIndex, element, claimed: String(claimed), exact, bound, margin, soundFrom: String(floatOf(verdict.lo)), soundTo: String(floatOf(verdict.hi)) };
}
