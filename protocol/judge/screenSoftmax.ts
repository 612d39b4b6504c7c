import type { Step } from "../program/types.ts";
import { compileStep, type CompiledStep } from "./compileStep.ts";
import type { ReadFloat } from "./screenElement.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** Doubles err by less than this here, relatively: some 2^−52 for each operation, of which a term passes less than 2^22. */
const DOUBT = 2 ** -28;

/**
 * Whether doubles alone prove an element of a softmax without an expression sound: it lies within the judge's allowances (docs/judge.md
 * §5), less what the doubles may have erred by. Results below 2^−90 are left to the judge.
 */
export function screenSoftmax(step: Step, read: ReadFloat, element: number, claimed: number): boolean {
  if (!(claimed > 2 ** -90)) return false;
  const compiled = compileStep(step);
  const coords = coordinatesOf(compiled, element);
  const [row, own] = compiled.maps as [CompiledStep["maps"][number], CompiledStep["maps"][number]];
  const values: number[] = [];
  walkRuns(compiled, coords, (first, _, count) => {
    for (let k = 0; k < count; k++) values.push(read(0, row.resolve(first + k * row.stride)));
  });
  let m = -Infinity;
  for (const value of values) {
    if (Number.isNaN(value)) return false;
    m = Math.max(m, value);
  }
  const d = m - read(1, own.resolve(own.linear(coords, [])));
  if (!Number.isFinite(m) || !(d >= 0 && d < 80)) return false;
  let total = 0;
  let weighted = 0;
  for (const value of values) {
    const e = Math.exp(value - m);
    total += e;
    if (e > 0) weighted += e * (m - value);
  }
  const n = values.length + 3;
  const gamma = n / (2 ** 24 - n);
  const slack = 5 * 2 ** -23 * total + 6 * 2 ** -24 * weighted;
  const share = 5 * 2 ** -23 + 6 * 2 ** -24 * d + 2 ** -21;
  const lo = (Math.exp(-d) * (1 - share)) / ((total + slack) * (1 + gamma));
  const hi = (Math.exp(-d) * (1 + share)) / ((total - slack) * (1 - gamma));
  return claimed >= lo * (1 + DOUBT) && claimed <= hi * (1 - DOUBT);
}
