import { operandReader, type ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { floatOf } from "../../protocol/judge/float32.ts";
import { judgeElement, type ElementVerdict } from "../../protocol/judge/judgeElement.ts";
import { screenElement } from "../../protocol/judge/screenElement.ts";
import { elementReader, elementValue } from "../../protocol/program/elements.ts";
import { dtypes, stepKinds, type Step } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { chooseElements, createRandom } from "../../runtime/audit/random.ts";
import { floatOperands } from "./openTrace.ts";

/** Upper ends of the bins of a margin; what is beyond the last is outside of the bound. */
export const binEnds = [0.01, 0.1, 0.5, 1] as const;

/** What the judge said about the elements of one step of one trace. */
export interface StepReport {
  /** Elements of the tensor, and how many of them were looked at. */
  elements: number;
  looked: number;
  /** How many of those the judge itself decided; the others a screen in doubles proved sound. */
  judged: number;
  /** Elements by margin: below 0.01, 0.1, 0.5, up to 1, above 1. */
  bins: number[];
  largest: number;
  fraud: number;
  /** The fraudulent element that is furthest outside. */
  worst?: Alarm;
}

export interface Alarm {
  element: number;
  claimed: number;
  lo: number;
  hi: number;
  margin: number;
  exact?: string;
  bound?: string;
}

export interface Limits {
  /** Multiply-adds a step that the screen and the judge may spend; a larger step is sampled. */
  screenTaps: number;
  judgeTaps: number;
  /** Elements a step that the judge may decide. */
  judgeElements: number;
  seed: number;
}

/** Quick: large tensors are sampled. Thorough: every float sum of every model that is known here, and most of the rest. */
export const quickLimits: Limits = { screenTaps: 2e6, judgeTaps: 4e5, judgeElements: 4096, seed: 1 };
export const thoroughLimits: Limits = { screenTaps: 4e8, judgeTaps: 5e6, judgeElements: 20_000, seed: 1 };

/** Elements of each screened step that the judge decides all the same, so that the screen is not taken on trust. */
const JUDGED_ANYWAY = 64;

/**
 * Looks at one step: all elements if it is small enough, otherwise the first, the last and seeded others. The margin of a bare
 * contraction is |claimed − exact| / bound; of anything else |claimed − middle| / half width of the enclosure, 0 where the
 * enclosure is a single value and the claim is that value, where it has no end, and where the claim is a zero at which an epilogue
 * clips.
 */
export function examineStep(step: Step, tensors: ExecutionTensors, limits: Limits): StepReport {
  const elements = step.result.shape.reduce((product, size) => product * size, 1);
  const taps = Math.max(1, step.reduce.reduce((product, size) => product * size, 1));
  const random = createRandom(limits.seed);
  const claimedAt = elementReader((tensors.trace[step.result.index] as CommittedTensor).bytes, step.result.dtype);
  const read = operandReader(step, tensors);
  const report: StepReport = { elements, looked: 0, judged: 0, bins: [0, 0, 0, 0, 0], largest: 0, fraud: 0 };

  const judge = (element: number): void => {
    const verdict = judgeElement(step, read, element, claimedAt(element));
    const claimed = elementValue(claimedAt(element), step.result.dtype);
    const margin = marginOf(verdict, claimed);
    report.judged++;
    count(report, margin);
    if (!verdict.fraud) return;
    report.fraud++;
    if (report.worst !== undefined && report.worst.margin >= margin) return;
    const { exact, bound } = judgeElement(step, read, element, claimedAt(element), true);
    report.worst = { element, claimed, ...endsOf(verdict), margin, ...(exact === undefined ? {} : { exact }), ...(bound === undefined ? {} : { bound }) };
  };

  const wanted = Math.min(limits.judgeElements, Math.max(JUDGED_ANYWAY, Math.floor(limits.judgeTaps / taps)));
  const floats = step.kind === stepKinds.contraction && step.result.dtype === dtypes.float32 ? floatOperands(step, tensors) : undefined;
  if (floats === undefined) {
    for (const element of chooseElements(elements, wanted, random)) judge(element);
  } else {
    const chosen = chooseElements(elements, Math.max(JUDGED_ANYWAY, Math.floor(limits.screenTaps / taps)), random);
    const anyway = new Set(chooseElements(elements, JUDGED_ANYWAY, random));
    let left = wanted;
    for (const element of chosen) {
      const { sound, margin } = anyway.has(element) ? { sound: false, margin: 0 } : screenElement(step, floats, element, elementValue(claimedAt(element), step.result.dtype));
      if (sound) count(report, step.expression.length > 0 && elementValue(claimedAt(element), step.result.dtype) === 0 ? 0 : margin);
      else if (left-- > 0) judge(element);
    }
  }
  return report;
}

/** Adds a report of the same step kind to a total. */
export function addReport(total: StepReport, part: StepReport): void {
  for (const key of ["elements", "looked", "judged", "fraud"] as const) total[key] += part[key];
  part.bins.forEach((n, i) => (total.bins[i] = (total.bins[i] ?? 0) + n));
  total.largest = Math.max(total.largest, part.largest);
}

export function emptyReport(): StepReport {
  return { elements: 0, looked: 0, judged: 0, bins: [0, 0, 0, 0, 0], largest: 0, fraud: 0 };
}

/** Distance from the middle of what is sound in units of its half width, as `examineStep` says. */
export function marginOf(verdict: ElementVerdict, claimed: number): number {
  if (verdict.margin !== undefined) return verdict.margin;
  const { lo, hi } = endsOf(verdict);
  if (Number.isNaN(claimed) || !Number.isFinite(lo) || !Number.isFinite(hi) || lo === hi) return verdict.fraud ? Infinity : 0;
  if (lo > hi) return Infinity;
  if (!verdict.fraud && claimed === 0 && (lo === 0 || hi === 0)) return 0;
  const half = hi / 2 - lo / 2;
  return Math.abs(claimed - (lo + half)) / half;
}

/** Least and greatest sound value as numbers; the judge gives those of integers as floats too. */
function endsOf({ lo, hi }: ElementVerdict): { lo: number; hi: number } {
  return { lo: floatOf(lo), hi: floatOf(hi) };
}

function count(report: StepReport, margin: number): void {
  const bin = binEnds.findIndex((end, i) => (i === binEnds.length - 1 ? margin <= end : margin < end));
  const at = bin < 0 ? binEnds.length : bin;
  report.bins[at] = (report.bins[at] ?? 0) + 1;
  report.largest = Math.max(report.largest, margin);
  report.looked++;
}
