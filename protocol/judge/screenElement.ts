import { stepKinds, type Step } from "../program/types.ts";
import { compileStep } from "./compileStep.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** What a screen found: `sound` if doubles alone prove the element sound; otherwise `judgeElement` must decide. */
export interface Screening {
  sound: boolean;
  /** Estimate of |claimed − exact| / bound, for a proved element. */
  margin: number;
}

/**
 * A fast filter for contractions without an expression: sums in doubles, where products of two float32 are exact and n additions
 * err by at most n·2^−52 of the sum of magnitudes. An element within 1 − 2^−10 of the γ part of its bound is proved
 * sound: with n < 2^22 the error of the doubles is below 2^−28·n relative to a bound of n·2^−24. Never proves a fraud.
 *
 * `operands` are the committed tensors as floats. For steps of other kinds the answer is never `sound`.
 */
export function screenElement(step: Step, operands: readonly Float32Array[], element: number, claimed: number): Screening {
  const undecided: Screening = { sound: false, margin: Number.NaN };
  const compiled = compileStep(step);
  if (step.kind !== stepKinds.contraction || step.expression.length > 0 || !Number.isFinite(claimed)) return undecided;
  const coords = coordinatesOf(compiled, element);
  const [f, g] = compiled.maps;
  const [a, b] = operands;
  if (f === undefined || g === undefined || a === undefined || b === undefined) return undecided;
  let sum = 0;
  let magnitude = 0;
  let terms = 2;
  const plain = !f.staged && !g.staged;
  walkRuns(compiled, coords, (first, second, count) => {
    terms += count;
    if (plain) {
      f.resolve(first);
      g.resolve(second);
      for (let k = 0, i = first, j = second; k < count; k++, i += f.stride, j += g.stride) {
        const product = (a[i] as number) * (b[j] as number);
        sum += product;
        magnitude += Math.abs(product);
      }
    } else {
      for (let k = 0; k < count; k++) {
        const product = (a[f.resolve(first + k * f.stride)] as number) * (b[g.resolve(second + k * g.stride)] as number);
        sum += product;
        magnitude += Math.abs(product);
      }
    }
  });
  for (let i = compiled.factors; i < compiled.firstValue; i++) {
    const map = compiled.maps[i] as (typeof compiled.maps)[number];
    const addend = operands[i]?.[map.resolve(map.linear(coords, []))] ?? Number.NaN;
    sum += addend;
    magnitude += Math.abs(addend);
    terms++;
  }
  if (terms >= 2 ** 22) return undecided;
  const radius = (terms / (2 ** 24 - terms)) * magnitude;
  const distance = Math.abs(claimed - sum);
  // False for NaN and for infinities, which leaves them to the exact judge.
  const sound = distance <= radius * (1 - 2 ** -10) && radius < Infinity;
  return { sound, margin: distance === 0 ? 0 : distance / radius };
}
