import { describe, expect, it } from "vitest";
import { add, bitsOf, div, floatOf, move, mul, roundBig, sqrt } from "../../../protocol/judge/float32.ts";
import { Random, randomBits, styles } from "../../contracts/judge/random.ts";
import { integerOf } from "./reference.ts";

const rounds = 20_000;

/** Checks that `down` and `up` are the floats around numerator / denominator: equal if it is one, else neighbours with it between. */
function expectAround(down: number, up: number, compare: (value: number) => number): void {
  const below = down === -Infinity ? -1 : compare(down);
  const above = up === Infinity ? 1 : compare(up);
  if (below === 0 || above === 0) {
    expect(down).toBe(up);
    return;
  }
  expect([below, above]).toEqual([-1, 1]);
  expect(move(down, 1)).toBe(up);
}

function sign(value: bigint): number {
  return value > 0n ? 1 : value < 0n ? -1 : 0;
}

describe("directed float32 arithmetic", () => {
  const random = new Random(1);
  const value = () => {
    for (;;) {
      const candidate = floatOf(randomBits(random, random.pick(styles)));
      if (Number.isFinite(candidate)) return candidate;
    }
  };

  it("add, mul, div and sqrt round to the neighbours of the exact result", () => {
    for (let i = 0; i < rounds; i++) {
      const [a, b] = [value(), random.chance(0.1) ? move(value(), 1) : value()];
      const [x, y] = [integerOf(a), integerOf(Number.isFinite(b) ? b : 1)];
      const c = Number.isFinite(b) ? b : 1;
      expectAround(add(a, c, false), add(a, c, true), (f) => sign(integerOf(f) - (x + y)));
      expectAround(mul(a, c, false), mul(a, c, true), (f) => sign((integerOf(f) << 149n) - x * y));
      if (y !== 0n) expectAround(div(a, c, false), div(a, c, true), (f) => sign(integerOf(f) * y - (x << 149n)) * sign(y));
      const p = Math.abs(a);
      expectAround(sqrt(p, false), sqrt(p, true), (f) => sign(integerOf(f) ** 2n - (integerOf(p) << 149n)));
    }
  });

  it("rounds big integers to the neighbours of the exact value", () => {
    for (let i = 0; i < rounds / 4; i++) {
      const m = BigInt(random.bits()) * BigInt(random.bits()) + 1n;
      const exponent = random.int(-230, 66);
      const negative = random.chance(0.5);
      const compare = (f: number) => {
        const shift = exponent + 149;
        const exact = (negative ? -m : m) * (shift >= 0 ? 1n << BigInt(shift) : 1n);
        return sign(integerOf(f) * (shift < 0 ? 1n << BigInt(-shift) : 1n) - exact);
      };
      expectAround(roundBig(negative, m, exponent, false, false), roundBig(negative, m, exponent, false, true), compare);
    }
  });

  it("steps over zero and stops at the infinities", () => {
    expect(move(0, -1)).toBe(-(2 ** -149));
    expect(move(2 ** -149, -2)).toBe(-(2 ** -149));
    expect(move(3.4028234663852886e38, 1)).toBe(Infinity);
    expect(move(Infinity, 5)).toBe(Infinity);
    expect(move(-Infinity, -5)).toBe(-Infinity);
    expect(bitsOf(-0)).toBe(0);
  });
});
