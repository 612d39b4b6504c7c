import type { RawElement } from "../program/elements.ts";
import { reductionOps, stepKinds, type Step } from "../program/types.ts";
import { compileStep, type CompiledStep } from "./compileStep.ts";
import { admits, enclosure, ExactSum, type SumBound } from "./exactSum.ts";
import { evaluateExpression } from "./expression.ts";
import { bitsOf, floatOf, MAX_FINITE } from "./float32.ts";
import { flushed, neg, point, type Interval } from "./interval.ts";
import { decimalOf } from "./decimalOf.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** One element of an operand's committed tensor; a float32 as its bits. */
export type ReadOperand = (operand: number, element: number) => RawElement;

export interface ElementVerdict {
  fraud: boolean;
  /** Float32 bits of the enclosure of sound values; lo > hi as numbers if there is none. */
  lo: number;
  hi: number;
  /** Whether NaN is sound. */
  nan: boolean;
  /** Exact value and bound of a finite contraction core, in decimal. */
  exact?: string;
  bound?: string;
  /** |claimed − exact| / bound for a contraction without an expression; above 1 is fraud. */
  margin?: number;
}

const scratch = new ExactSum();

/**
 * Decides one element from the committed operands, as the contracts do but without Merkle work (docs/protocol.md §5).
 * `explain` adds the decimal strings, which cost more than the verdict.
 *
 * Throws the judge's faults for a step it does not support or an index map that leads outside of a tensor.
 */
export function judgeElement(step: Step, read: ReadOperand, element: number, claimedElement: RawElement, explain = false): ElementVerdict {
  const compiled = compileStep(step);
  const coords = coordinatesOf(compiled, element);
  const claimed = Number(claimedElement) >>> 0;
  if (step.kind === stepKinds.map) return verdictOf(claimed, evaluateExpression(step.expression, slotsOf(compiled, read, coords)));
  if (step.kind === stepKinds.reduction) {
    const slots = [flushed(extremeOf(compiled, read, coords)), ...slotsOf(compiled, read, coords)];
    return verdictOf(claimed, evaluateExpression(step.expression, slots));
  }
  const bound = sumOf(compiled, read, coords);
  const slots = slotsOf(compiled, read, coords);
  let verdict: ElementVerdict;
  if (step.expression.length > 0) {
    verdict = verdictOf(claimed, evaluateExpression(step.expression, [flushed(enclosure(bound, true)), ...slots]));
  } else {
    // An infinity beside finite values leaves a gap that the enclosure does not show.
    verdict = { ...verdictOf(claimed, enclosure(bound, false)), fraud: !admits(bound, claimed) };
    const margin = marginOf(bound, floatOf(claimed));
    if (margin !== undefined) verdict.margin = margin;
  }
  if (explain && bound.finite) {
    verdict.exact = decimalOf(bound.exact, 1n, 300);
    verdict.bound = decimalOf(bound.radius, bound.radiusScale, 300);
  }
  return verdict;
}

/** The exact sum of a contraction's products and addends, with its rounding bound. */
function sumOf(compiled: CompiledStep, read: ReadOperand, coords: readonly number[]): SumBound {
  const sum = scratch;
  sum.clear();
  const f = compiled.maps[0] as CompiledStep["maps"][number];
  const g = compiled.maps[1] as CompiledStep["maps"][number];
  walkRuns(compiled, coords, (first, second, count) => {
    for (let k = 0; k < count; k++) {
      sum.addProduct(Number(read(0, f.resolve(first + k * f.stride))), Number(read(1, g.resolve(second + k * g.stride))));
    }
    sum.terms += count;
  });
  for (let i = compiled.factors; i < compiled.firstValue; i++) {
    sum.addFloat(readAt(compiled, read, coords, i));
    sum.terms++;
  }
  return sum.bound();
}

function extremeOf(compiled: CompiledStep, read: ReadOperand, coords: readonly number[]): Interval {
  const map = compiled.maps[0] as CompiledStep["maps"][number];
  let least = Infinity;
  let greatest = -Infinity;
  let nan = false;
  walkRuns(compiled, coords, (first, _, count) => {
    for (let k = 0; k < count; k++) {
      const value = floatOf(Number(read(0, map.resolve(first + k * map.stride))));
      if (Number.isNaN(value)) nan = true;
      else {
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
      }
    }
  });
  return compiled.step.op === reductionOps.max ? largest(least, greatest, nan) : neg(largest(-greatest, -least, nan));
}

/**
 * Of no number at all, and of −∞ alone, kernels that start from the lowest finite float give that one. With a NaN among the taps
 * a kernel may forget what came before it, so any tap between the extremes may survive.
 */
function largest(least: number, greatest: number, nan: boolean): Interval {
  if (greatest === -Infinity) return { lo: -Infinity, hi: -MAX_FINITE, nan };
  return { lo: nan ? least : greatest, hi: greatest, nan };
}

function slotsOf(compiled: CompiledStep, read: ReadOperand, coords: readonly number[]): Interval[] {
  const slots: Interval[] = [];
  for (let i = compiled.firstValue; i < compiled.maps.length; i++) slots.push(point(readAt(compiled, read, coords, i)));
  return slots;
}

function readAt(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], operand: number): number {
  const map = compiled.maps[operand] as CompiledStep["maps"][number];
  return Number(read(operand, map.resolve(map.linear(coords, []))));
}

function verdictOf(claimed: number, x: Interval): ElementVerdict {
  const value = floatOf(claimed);
  const sound = Number.isNaN(value) ? x.nan : x.lo <= value && value <= x.hi;
  return { fraud: !sound, lo: bitsOf(x.lo), hi: bitsOf(x.hi), nan: x.nan };
}

/** |claimed − exact| / bound as a double; all in units of 2^−300 · 2^−40, so that small ratios keep some digits. */
function marginOf(bound: SumBound, claimed: number): number | undefined {
  if (!bound.finite || !Number.isFinite(claimed)) return undefined;
  const value = scaledFloat(claimed);
  const distance = (value > bound.exact ? value - bound.exact : bound.exact - value) * bound.radiusScale;
  return Number((distance << 40n) / bound.radius) / 2 ** 40;
}

/** A float32 in units of 2^−300. */
function scaledFloat(value: number): bigint {
  // 2^149 makes any float32 an integer and keeps it well inside a double.
  return BigInt(value * 2 ** 149) << 151n;
}
