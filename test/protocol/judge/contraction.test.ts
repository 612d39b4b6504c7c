import { describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { screenElement } from "../../../protocol/judge/screenElement.ts";
import { move } from "../../../protocol/judge/float32.ts";
import { Random, randomBits, styles } from "../../contracts/judge/random.ts";
import { randomExpression } from "../../contracts/judge/randomCase.ts";
import { bitsOfFloat, dotStep, floatOfBits, operandOf, stepOf } from "./makeStep.ts";
import { simulate, withinBound, type Machine, type Terms } from "./reference.ts";

const rounds = Number(process.env.GAINSAY_FUZZ_CASES ?? 4000);

function judgeTerms({ products, addends }: Terms, claimed: number) {
  const step = dotStep(products.length, addends.length);
  return judgeElement(
    step,
    (operand, element) => bitsOfFloat(operand < 2 ? ((products[element] as readonly [number, number])[operand] as number) : (addends[operand - 2] as number)),
    0,
    bitsOfFloat(claimed),
  );
}

function randomTerms(random: Random): Terms {
  const style = random.pick(styles);
  const value = () => floatOfBits(randomBits(random, style));
  const products = Array.from({ length: random.int(1, random.chance(0.2) ? 60 : 8) }, () => [value(), value()] as const);
  if (random.chance(0.3)) products.push([-(products[0] as readonly [number, number])[0], (products[0] as readonly [number, number])[1]]);
  return { products, addends: Array.from({ length: random.int(0, 2) }, value) };
}

describe("contraction", () => {
  it("accepts what any order, fused or not, flushing or not, computes", () => {
    const seen = { nan: 0, infinite: 0, finite: 0 };
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i);
      const terms = randomTerms(random);
      const machine: Machine = { fused: random.chance(0.5), flushInputs: random.chance(0.5), flushOutputs: random.chance(0.5) };
      const y = simulate(terms, machine, (n) => random.int(0, n - 1));
      seen[Number.isNaN(y) ? "nan" : Number.isFinite(y) ? "finite" : "infinite"]++;
      const verdict = judgeTerms(terms, y);
      expect(verdict.fraud, `case ${i}: ${y} of ${JSON.stringify(terms)}`).toBe(false);
    }
    expect(Math.min(seen.nan, seen.infinite, seen.finite)).toBeGreaterThan(rounds / 100);
  });

  it("decides finite values exactly as the bound in rationals does, at its very ends", () => {
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i + 1e6);
      const terms = randomTerms(random);
      if (![...terms.products.flat(), ...terms.addends].every(Number.isFinite)) continue;
      const { lo, hi } = judgeTerms(terms, 0);
      const y = move(floatOfBits(random.chance(0.5) ? lo : hi), random.int(-2, 2));
      if (!Number.isFinite(y)) continue;
      expect(judgeTerms(terms, y).fraud, `case ${i}`).toBe(!withinBound(terms, y));
    }
  });

  it("accepts a factor scaled before the sum, and weights rounded when scaled", () => {
    for (let i = 0; i < rounds / 4; i++) {
      const random = new Random(i + 2e6);
      const products = Array.from({ length: random.int(1, 20) }, () => [floatOfBits(randomBits(random, "tame")), floatOfBits(randomBits(random, "tame"))] as const);
      const alpha = floatOfBits(randomBits(random, "tame"));
      const folded = { products: products.map(([a, b]) => [a, Math.fround(alpha * b)] as const), addends: [] };
      const scaled = { products: products.map(([a, b]) => [Math.fround(alpha * a), b] as const), addends: [] };
      const y = simulate(scaled, { fused: random.chance(0.5), flushInputs: false, flushOutputs: false }, (n) => random.int(0, n - 1));
      expect(judgeTerms(folded, y).fraud, `case ${i}`).toBe(false);
    }
  });

  const inf = Infinity;
  const big = 2 ** 127;
  it.each<[string, Terms, { sound: number[]; fraud: number[] }]>([
    ["an empty sum", { products: [], addends: [] }, { sound: [0, -0], fraud: [1, NaN, inf] }],
    ["a NaN factor", { products: [[NaN, 1]], addends: [5] }, { sound: [NaN], fraud: [0, 5, inf, -inf] }],
    ["zero times infinity", { products: [[0, inf]], addends: [] }, { sound: [NaN], fraud: [0, inf] }],
    ["infinities that cancel", { products: [[1, inf], [1, -inf]], addends: [] }, { sound: [NaN], fraud: [0, inf, -inf] }],
    ["one infinity", { products: [[1, inf], [2, 3]], addends: [] }, { sound: [inf], fraud: [NaN, -inf, 6] }],
    ["infinity times a subnormal", { products: [[2 ** -140, inf]], addends: [] }, { sound: [inf, NaN], fraud: [-inf, 0] }],
    ["infinity beside an overflow", { products: [[-big, 4], [1, inf]], addends: [] }, { sound: [inf, NaN], fraud: [-inf, 0] }],
    ["an overflow that cancels", { products: [[big, 4], [-big, 4]], addends: [] }, { sound: [inf, -inf, NaN, 0], fraud: [] }],
    ["a certain overflow", { products: [[big, 4]], addends: [] }, { sound: [inf], fraud: [3.4028234663852886e38, NaN, -inf, 0] }],
    ["no overflow", { products: [[1, 1]], addends: [1] }, { sound: [2, 2.0000002384185791015625], fraud: [inf, -inf, NaN, 2.0001] }],
    ["a flushed addend", { products: [], addends: [2 ** -127] }, { sound: [0, 2 ** -127], fraud: [2 ** -120, -(2 ** -120)] }],
  ])("%s", (_, terms, { sound, fraud }) => {
    for (const y of sound) expect(judgeTerms(terms, y).fraud, `${y}`).toBe(false);
    for (const y of fraud) expect(judgeTerms(terms, y).fraud, `${y}`).toBe(true);
  });

  it("explains itself in decimals", () => {
    const step = dotStep(2);
    const verdict = judgeElement(step, (operand, element) => bitsOfFloat(operand === 0 ? element + 1 : 0.5), 0, bitsOfFloat(2), true);
    expect(verdict.exact).toBe("1.5000000000000000000e0");
    expect(Number(verdict.bound)).toBeCloseTo((4 / (2 ** 24 - 4)) * 1.5, 15);
    expect(verdict.margin).toBeCloseTo(0.5 / ((4 / (2 ** 24 - 4)) * 1.5), 3);
  });
});

describe("screenElement", () => {
  it("never proves what the judge convicts, and proves most honest elements", () => {
    let proved = 0;
    let honest = 0;
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i + 3e6);
      const terms = randomTerms(random);
      const operands = [0, 1].map((side) => Float32Array.from(terms.products, (pair) => pair[side] as number));
      terms.addends.forEach((addend) => operands.push(Float32Array.of(addend)));
      const step = dotStep(terms.products.length, terms.addends.length);
      const exact = judgeTerms(terms, 0);
      const y = random.chance(0.5) ? move(floatOfBits(random.chance(0.5) ? exact.lo : exact.hi), random.int(-3, 3)) : simulate(terms, { fused: true, flushInputs: false, flushOutputs: false }, (n) => random.int(0, n - 1));
      const { sound } = screenElement(step, operands, 0, y);
      if (sound) {
        proved++;
        expect(judgeTerms(terms, y).fraud, `case ${i}`).toBe(false);
      }
      if (Number.isFinite(y) && !judgeTerms(terms, y).fraud) honest++;
    }
    expect(proved).toBeGreaterThan(honest / 3);
  });

  it("stays inside the judge's enclosure behind an expression, too", () => {
    let proved = 0;
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i + 4e6);
      const style = random.pick(styles);
      const operands = [random.int(1, 12), 1].map((count) => Float32Array.from({ length: count }, () => floatOfBits(randomBits(random, style))));
      const k = (operands[0] as Float32Array).length;
      operands.splice(1, 0, Float32Array.from({ length: k }, () => floatOfBits(randomBits(random, style))));
      const factor = operandOf(0, k, { reduceStrides: [1] });
      const step = stepOf(1, [], [k], [factor, factor, operandOf(2, 1)], [...randomExpression(random, 2)]);
      const read = (operand: number, element: number) => bitsOfFloat((operands[operand] as Float32Array)[element] as number);
      const exact = judgeElement(step, read, 0, 0);
      const y = random.chance(0.5) ? move(floatOfBits(random.chance(0.5) ? exact.lo : exact.hi), random.int(-3, 3)) : (floatOfBits(exact.lo) + floatOfBits(exact.hi)) / 2;
      const claimed = Math.fround(y);
      if (!screenElement(step, operands, 0, claimed).sound) continue;
      proved++;
      expect(judgeElement(step, read, 0, bitsOfFloat(claimed)).fraud, `case ${i}`).toBe(false);
    }
    expect(proved).toBeGreaterThan(rounds / 50);
  });
});
