import { isFloat } from "../program/elements.ts";
import { stepKinds, type Step } from "../program/types.ts";
import { compileStep, type CompiledStep } from "./compileStep.ts";
import { evaluateExpression } from "./expression.ts";
import { immediateOf, opcodes } from "./expressionCode.ts";
import { add, bitsOf } from "./float32.ts";
import { flushed, point, type Interval } from "./interval.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** What a screen found: `sound` if doubles alone prove the element sound; otherwise `judgeElement` must decide. */
export interface Screening {
  sound: boolean;
  /** Estimate of the distance from the middle of what is sound, in units of its half width; NaN if the screen cannot tell. */
  margin: number;
}

const undecided: Screening = { sound: false, margin: Number.NaN };
const screenable = new WeakMap<Step, boolean>();

/**
 * A fast filter for contractions: sums in doubles, where products of two float32 are exact and n additions err by at most
 * n·2^−53·(1 + n·2^−53) of the sum of magnitudes. Against a bound of more than n·2^−24 of it that is below 2^−28, so the inner
 * 1 − 2^−10 of the γ part lies inside the judge's bound. An expression is then evaluated over that smaller interval: interval
 * arithmetic is monotone under inclusion, so its result lies inside the judge's. Scalar functions are left to the judge, because
 * their fixed point is monotone only up to its error. Never proves a fraud.
 *
 * `operands` are the committed tensors as floats. For steps of other kinds the answer is never `sound`.
 */
export function screenElement(step: Step, operands: readonly Float32Array[], element: number, claimed: number): Screening {
  return screenRead(step, (operand, at) => operands[operand]?.[at] ?? Number.NaN, element, claimed, factorsOf(operands));
}

/** Gives an element of an operand as the float that it is. */
export type ReadFloat = (operand: number, element: number) => number;

/** The two factors of a contraction as floats. */
export type Factors = readonly [Float32Array, Float32Array];

function factorsOf([first, second]: readonly Float32Array[]): Factors | undefined {
  return first === undefined || second === undefined ? undefined : [first, second];
}

/** `screenElement` for operands that are read one element at a time; where the factors are at hand as a whole, their many taps need no call for each. */
export function screenRead(step: Step, read: ReadFloat, element: number, claimed: number, factors?: Factors): Screening {
  if (!isScreenable(step) || !Number.isFinite(claimed)) return undecided;
  const compiled = compileStep(step);
  const coords = coordinatesOf(compiled, element);
  const { sum, magnitude, terms } = estimate(compiled, read, coords, factors);
  const radius = (terms / (2 ** 24 - terms)) * magnitude * (1 - 2 ** -10);
  // Also refuses NaN and infinities, which are left to the judge.
  if (!(terms < 2 ** 22 && Math.abs(sum) + radius < 2 ** 127)) return undecided;
  if (step.expression.length === 0) {
    const distance = Math.abs(claimed - sum);
    return { sound: distance <= radius, margin: distance === 0 ? 0 : distance / radius };
  }
  const slots: Interval[] = [flushed(outward(sum, radius))];
  for (let i = compiled.firstValue; i < compiled.maps.length; i++) slots.push(point(bitsOf(valueAt(compiled, read, coords, i))));
  const { lo, hi } = evaluateExpression(step.expression, slots);
  const half = (hi - lo) / 2;
  const distance = Math.abs(claimed - (lo + half));
  return { sound: lo <= claimed && claimed <= hi, margin: distance === 0 ? 0 : distance / half };
}

/** Whether the step is a contraction of floats whose expression has no scalar functions (opcodes 23–27, 51–53). */
function isScreenable(step: Step): boolean {
  let known = screenable.get(step);
  if (known === undefined) {
    known = step.kind === stepKinds.contraction && isFloat(step.result.dtype) && step.operands.every(({ dtype }) => isFloat(dtype));
    for (let at = 0; at < step.expression.length; at++) {
      const opcode = step.expression[at] as number;
      if ((opcode >= 0x23 && opcode <= 0x27) || (opcode > opcodes.select && opcode !== opcodes.round)) known = false;
      at += immediateOf(opcode);
    }
    screenable.set(step, known);
  }
  return known;
}

function estimate(compiled: CompiledStep, read: ReadFloat, coords: readonly number[], factors: Factors | undefined) {
  const [f, g] = compiled.maps as [CompiledStep["maps"][number], CompiledStep["maps"][number]];
  let sum = 0;
  let magnitude = 0;
  let terms = 2;
  const take = (i: number, j: number): void => {
    const product = read(0, i) * read(1, j);
    sum += product;
    magnitude += Math.abs(product);
  };
  const plain = !f.staged && !g.staged;
  walkRuns(compiled, coords, (first, second, count) => {
    terms += count;
    if (plain) {
      // The ends stand for what lies between.
      for (const k of [0, count - 1]) {
        f.resolve(first + k * f.stride);
        g.resolve(second + k * g.stride);
      }
      if (factors === undefined) for (let k = 0, i = first, j = second; k < count; k++, i += f.stride, j += g.stride) take(i, j);
      else {
        const [a, b] = factors;
        for (let k = 0, i = first, j = second; k < count; k++, i += f.stride, j += g.stride) {
          const product = (a[i] as number) * (b[j] as number);
          sum += product;
          magnitude += Math.abs(product);
        }
      }
    } else {
      for (let k = 0; k < count; k++) take(f.resolve(first + k * f.stride), g.resolve(second + k * g.stride));
    }
  });
  for (let i = compiled.factors; i < compiled.firstValue; i++) {
    const addend = valueAt(compiled, read, coords, i);
    sum += addend;
    magnitude += Math.abs(addend);
    terms++;
  }
  return { sum, magnitude, terms };
}

function valueAt(compiled: CompiledStep, read: ReadFloat, coords: readonly number[], operand: number): number {
  const map = compiled.maps[operand] as CompiledStep["maps"][number];
  return read(operand, map.resolve(map.linear(coords, [])));
}

/** Float32 ends around [sum − radius, sum + radius]; rounding in the doubles is far below the 2^−10 that the radius leaves. */
function outward(sum: number, radius: number): Interval {
  const low = Math.fround(sum - radius);
  const high = Math.fround(sum + radius);
  return { lo: low <= sum - radius ? low : add(low, -(2 ** -149), false), hi: high >= sum + radius ? high : add(high, 2 ** -149, true), nan: false };
}
