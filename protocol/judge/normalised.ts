import type { CompiledStep } from "./compileStep.ts";
import { floatOf, MAX_FINITE, move } from "./float32.ts";
import { all, type Interval } from "./interval.ts";
import { budgets } from "./scalar.ts";
import { distanceOf, ExpSum } from "./softmax.ts";
import type { ReadOperand } from "./taps.ts";
import { walkRuns } from "./walkRuns.ts";

/** The sound values of softmax, or of its logarithm: the first operand is the row, the second its element. */
export function normalised(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], isSoftmax: boolean): Interval {
  const [row, own] = compiled.maps as [CompiledStep["maps"][number], CompiledStep["maps"][number]];
  const values: number[] = [];
  walkRuns(compiled, coords, (first, _, count) => {
    for (let k = 0; k < count; k++) values.push(floatOf(Number(read(0, row.resolve(first + k * row.stride)))));
  });
  const x = floatOf(Number(read(1, own.resolve(own.linear(coords, [])))));
  let m = -Infinity;
  for (const value of values) if (value > m) m = value;
  // Rows with NaN or +∞, and of −∞ alone: NaN, or what kernels make of it that clamp. No element is above the largest.
  if (!Number.isFinite(m) || values.some(Number.isNaN) || !(x <= m)) return isSoftmax ? { lo: 0, hi: move(1, budgets.exp), nan: true } : all;
  const sum = new ExpSum();
  for (const value of values) sum.add(value === -Infinity ? undefined : distanceOf(m, value));
  const d = x === -Infinity ? undefined : distanceOf(m, x);
  if (isSoftmax) return sum.quotient(d);
  return d === undefined ? { lo: -Infinity, hi: -MAX_FINITE, nan: false } : sum.logarithm(d);
}
