import { reductionOps, type Step } from "../program/types.ts";
import type { CompiledStep } from "./compileStep.ts";
import { integerOf } from "./elementType.ts";
import { floatOf, MAX_FINITE, MIN_NORMAL } from "./float32.ts";
import { neg, type Interval } from "./interval.ts";
import type { ReadOperand } from "./taps.ts";
import { walkRuns } from "./walkRuns.ts";

/** The largest or smallest tap of an element; undefined for integers without a tap, where kernels give what they start from. */
export function extremeOf(compiled: CompiledStep, read: ReadOperand, coords: readonly number[]): bigint | Interval | undefined {
  const isMax = compiled.step.op === reductionOps.max;
  return compiled.ofFloats ? ofFloats(compiled, read, coords, isMax) : ofIntegers(compiled, read, coords, isMax);
}

function ofFloats(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], isMax: boolean): Interval {
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
  return isMax ? largest(least, greatest, nan) : neg(largest(-greatest, -least, nan));
}

/**
 * Of no number at all, and of −∞ alone, kernels that start from the lowest finite float give that one. With a NaN among the taps
 * a kernel may forget what came before it, so any tap between the extremes may survive.
 */
function largest(least: number, greatest: number, nan: boolean): Interval {
  if (greatest === -Infinity) return { lo: -Infinity, hi: -MAX_FINITE, nan };
  return { lo: nan ? least : greatest, hi: greatest, nan };
}

function ofIntegers(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], isMax: boolean): bigint | undefined {
  const map = compiled.maps[0] as CompiledStep["maps"][number];
  const { dtype } = compiled.step.operands[0] as Step["operands"][number];
  let extreme: bigint | undefined;
  walkRuns(compiled, coords, (first, _, count) => {
    for (let k = 0; k < count; k++) {
      const value = integerOf(read(0, map.resolve(first + k * map.stride)), dtype);
      if (extreme === undefined || (isMax ? value > extreme : value < extreme)) extreme = value;
    }
  });
  return extreme;
}

/**
 * The index of the first (or last, by the attribute) of the extreme taps, counted over the whole domain; undefined if any index is
 * sound: without a tap, with a NaN, and where the claimed tap and the extreme one are both zero or subnormal, so that flushing makes
 * them equal.
 */
export function extremeIndex(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], claimed: bigint): bigint | undefined {
  const { step } = compiled;
  const map = compiled.maps[0] as CompiledStep["maps"][number];
  const { dtype } = step.operands[0] as Step["operands"][number];
  const isMax = step.op === reductionOps.argMax;
  const last = step.attributes.length > 0;
  let best: bigint | number | undefined;
  let index = 0;
  let nan = false;
  let claimedTiny = false;
  walkRuns(compiled, coords, (first, _, count, position) => {
    for (let k = 0; k < count; k++) {
      const raw = read(0, map.resolve(first + k * map.stride));
      let value: bigint | number = compiled.ofFloats ? floatOf(Number(raw)) : integerOf(raw, dtype);
      if (Number.isNaN(value)) nan = true;
      if (BigInt(position + k) === claimed) claimedTiny = isTiny(value);
      if (!isMax) value = -value;
      if (best === undefined || value > best || (last && value === best)) {
        best = value;
        index = position + k;
      }
    }
  });
  if (best === undefined || nan || (claimedTiny && isTiny(best))) return undefined;
  return BigInt(index);
}

function isTiny(value: bigint | number): boolean {
  return typeof value === "number" && Math.abs(value) < MIN_NORMAL;
}
