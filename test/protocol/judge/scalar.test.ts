import { describe, expect, it } from "vitest";
import { budgets, erf, exp, log, sigmoid, tanh } from "../../../protocol/judge/scalar.ts";
import { bitsOf, floatOf, move } from "../../../protocol/judge/float32.ts";
import type { Interval } from "../../../protocol/judge/interval.ts";
import { Random } from "../../contracts/judge/random.ts";

/** erf by its all-positive series, or by Lentz's continued fraction of erfc for large arguments. */
function erfReference(x: number): number {
  const a = Math.abs(x);
  let value: number;
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; term > 1e-18 * sum; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    value = (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
    value = 1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction);
  }
  return x < 0 ? -value : value;
}

const functions: [string, (x: Interval) => Interval, (x: number) => number, number][] = [
  ["exp", exp, Math.exp, budgets.exp],
  ["log", log, Math.log, budgets.log],
  ["tanh", tanh, Math.tanh, budgets.tanh],
  ["erf", erf, erfReference, budgets.erf],
];

function key(value: number): number {
  const bits = bitsOf(Math.abs(value));
  return value < 0 ? -bits : bits;
}

function at(apply: (x: Interval) => Interval, x: number): Interval {
  return apply({ lo: x, hi: x, nan: false });
}

describe("enclosures of scalar functions", () => {
  it.each(functions)("%s: the value widened by the budget, and by no more than two floats besides", (name, apply, reference, ulps) => {
    const random = new Random(5);
    for (let i = 0; i < 3000; i++) {
      const exponent = random.int(random.chance(0.7) ? 110 : 20, random.chance(0.7) ? 134 : 254);
      const magnitude = floatOf((exponent << 23) | (random.bits() & 0x7fffff));
      const x = name === "log" || random.chance(0.5) ? magnitude : -magnitude;
      const y = reference(x);
      // Doubles err by a hair; results in the subnormal range get absolute allowances.
      if (!Number.isFinite(Math.fround(y)) || Math.abs(y) < 2 ** -100) continue;
      const { lo, hi, nan } = at(apply, x);
      expect(nan).toBe(false);
      const near = key(Math.fround(y));
      expect(key(lo), `${name}(${x})`).toBeLessThanOrEqual(near - ulps + 1);
      expect(key(hi), `${name}(${x})`).toBeGreaterThanOrEqual(near + ulps - 1);
      expect(key(lo), `${name}(${x})`).toBeGreaterThanOrEqual(near - ulps - 2);
      expect(key(hi), `${name}(${x})`).toBeLessThanOrEqual(near + ulps + 2);
    }
  });

  it("sigmoid: 2^-21 to both sides", () => {
    const random = new Random(6);
    for (let i = 0; i < 3000; i++) {
      const x = Math.fround((random.bits() / 2 ** 32 - 0.5) * random.pick([1, 40, 300]));
      const y = 1 / (1 + Math.exp(-x));
      const { lo, hi } = at(sigmoid, x);
      expect(lo).toBeLessThanOrEqual(Math.max(0, y - 2 ** -21 + 1e-15));
      expect(lo).toBeGreaterThanOrEqual(Math.max(0, y - 2 ** -21 - 2 ** -24));
      expect(hi).toBeGreaterThanOrEqual(y + 2 ** -21 - 1e-15);
      expect(hi).toBeLessThanOrEqual(y + 2 ** -21 + 2 ** -23);
    }
  });

  it("know their limits", () => {
    expect(at(exp, -Infinity).lo).toBe(0);
    expect(at(exp, Infinity).hi).toBe(Infinity);
    expect(at(exp, 100).hi).toBe(Infinity);
    expect(at(exp, -200)).toEqual({ lo: 0, hi: move(0, 1 + budgets.exp), nan: false });
    expect(at(log, -1)).toEqual({ lo: Infinity, hi: -Infinity, nan: true });
    expect(log({ lo: -1, hi: 1, nan: false }).nan).toBe(true);
    expect(at(log, 0).lo).toBe(-Infinity);
    expect(at(tanh, -Infinity).lo).toBe(move(-1, -budgets.tanh));
    expect(at(erf, Infinity).hi).toBe(move(1, budgets.erf));
    expect(at(sigmoid, -Infinity).lo).toBe(0);
  });
});
