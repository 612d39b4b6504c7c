import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { move } from "../../../protocol/judge/float32.ts";
import { screenSoftmax } from "../../../protocol/judge/screenSoftmax.ts";
import { Random } from "../../contracts/judge/random.ts";
import { buildOnnx, op } from "../../support/onnxBuilder.ts";
import { bitsOfFloat, floatOfBits, operandOf, stepOf } from "./makeStep.ts";

const rounds = Number(process.env.GAINSAY_FUZZ_CASES ?? 600);

function screenRow(row: ArrayLike<number>, element: number, y: number): boolean {
  return screenSoftmax(stepOfRow(row.length, 1), (_, at) => row[at] as number, element, y);
}

function stepOfRow(k: number, kind: number) {
  return stepOf(4, [k], [k], [operandOf(0, k, { outStrides: [0], reduceStrides: [1] }), operandOf(2, k, { outStrides: [1] })], [], kind);
}

function judgeRow(row: ArrayLike<number>, element: number, y: number, kind: number) {
  return judgeElement(stepOfRow(row.length, kind), (_, at) => bitsOfFloat(row[at] as number), element, bitsOfFloat(y));
}

function randomRow(random: Random, k: number): Float32Array {
  const spread = random.pick([0.01, 1, 20, 300]);
  const centre = random.pick([0, 0, 1000, -1e6]);
  return Float32Array.from({ length: k }, () => (random.chance(0.03) ? -Infinity : centre + (random.bits() / 2 ** 32 - 0.5) * spread));
}

/** Softmax and its logarithm in doubles, whose own error of some 2^−50 counts for nothing here. */
function exactly(row: Float32Array, element: number): { y: number; log: number } {
  const m = row.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const x of row) sum += Math.exp(x - m);
  const d = (row[element] as number) - m;
  return { y: Math.exp(d) / sum, log: d - Math.log(sum) };
}

/** How some kernel computes it in float32: exponentials that err, sums in lanes, a quotient or a product with the reciprocal. */
function compute(row: Float32Array, element: number, random: Random): { y: number; log: number } {
  const m = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const flush = random.chance(0.5);
  const settle = (value: number) => (flush && Math.abs(value) < 2 ** -126 ? 0 : Math.fround(value));
  const exps = Array.from(row, (x) => {
    const e = settle(Math.exp(settle(x - m)));
    return e === 0 || e < 2 ** -120 ? e : Math.max(0, move(e, random.int(-4, 4)));
  });
  const lanes = new Array<number>(random.int(1, 8)).fill(0);
  exps.forEach((e, i) => (lanes[i % lanes.length] = Math.fround((lanes[i % lanes.length] as number) + e)));
  const sum = lanes.reduce((a, b) => Math.fround(a + b), 0);
  const e = exps[element] as number;
  const y = random.chance(0.5) ? settle(e / sum) : settle(e * Math.fround(1 / sum));
  const log = Math.fround(Math.fround((row[element] as number) - m) - Math.fround(Math.log(sum)));
  return { y, log };
}

describe("softmax", () => {
  it("accepts what kernels compute and stays close to the value", () => {
    let screened = 0;
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i);
      const k = random.int(1, random.chance(0.02) ? 1500 : 40);
      const row = randomRow(random, k);
      const element = random.int(0, k - 1);
      if (row.every((x) => x === -Infinity)) continue;
      const found = compute(row, element, random);
      const exact = exactly(row, element);
      const soft = judgeRow(row, element, found.y, 1);
      expect(soft.fraud, `case ${i}: ${found.y}`).toBe(false);
      const near = move(floatOfBits(random.chance(0.5) ? soft.lo : soft.hi), random.int(-2, 2));
      if (screenRow(row, element, near)) expect(judgeRow(row, element, near, 1).fraud, `case ${i}: screened`).toBe(false);
      if (screenRow(row, element, found.y)) screened++;
      const log = judgeRow(row, element, found.log, 2);
      expect(log.fraud, `case ${i}: log ${found.log}`).toBe(false);
      // The exact value is inside, and the enclosure is narrow: what the exponent's allowance and γ leave.
      const [lo, hi] = [floatOfBits(soft.lo), floatOfBits(soft.hi)];
      expect(lo <= exact.y * (1 + 1e-12) && exact.y * (1 - 1e-12) <= hi, `case ${i}`).toBe(true);
      const d = Math.max(0, -exact.log);
      expect(hi - lo, `case ${i}`).toBeLessThanOrEqual(exact.y * (4e-6 + Math.min(d, 110) * 8e-7 + 3 * (k + 3) * 2 ** -24) + 2 ** -123);
      if (!Number.isFinite(exact.log)) continue;
      const [logLo, logHi] = [floatOfBits(log.lo), floatOfBits(log.hi)];
      expect(logLo <= exact.log + 1e-12 * d && exact.log - 1e-12 * d <= logHi, `case ${i}`).toBe(true);
      expect(logHi - logLo, `case ${i}`).toBeLessThanOrEqual(8e-6 + d * 2e-6 + 3 * (k + 3) * 2 ** -24);
    }
    expect(screened).toBeGreaterThan(rounds / 3);
  });

  it.each([[1, [1, NaN], [0.5, NaN], [2, -1]], [1, [1, Infinity], [NaN, 1, 0], [-1]], [1, [-Infinity, -Infinity], [NaN, 0, 0.5], [3]], [1, [0, -Infinity], [1], [0.9]], [2, [0, 0], [-0.6931472], [-0.7, 0]]])("op %i of %j", (kind, row, sound, fraud) => {
    for (const y of sound) expect(judgeRow(row, 0, y, kind).fraud, `${y}`).toBe(false);
    for (const y of fraud) expect(judgeRow(row, 0, y, kind).fraud, `${y}`).toBe(true);
  });

  it.each([["Softmax", 1], ["LogSoftmax", 2]])("%s of ONNX Runtime is never convicted, and neighbours at a distance are", async (type, kind) => {
    const random = new Random(kind);
    for (const k of [1, 7, 16, 100, 1000]) {
      const x = randomRow(random, 8 * k);
      const session = await InferenceSession.create(buildOnnx({ inputs: { x: [8, k] }, nodes: [op(type, ["x"], ["y"], {})], outputs: ["y"] }));
      const { y } = await session.run({ x: new Tensor("float32", x, [8, k]) });
      const data = (y as Tensor).data as Float32Array;
      for (let e = 0; e < Math.min(8 * k, k === 1000 ? 20 : 100); e++) {
        const row = x.subarray(Math.floor(e / k) * k, (Math.floor(e / k) + 1) * k);
        const value = data[e] as number;
        if (row.every((item) => item === -Infinity)) continue;
        expect(judgeRow(row, e % k, value, kind).fraud, `${type} ${k}: element ${e}, ${value}`).toBe(false);
        if (kind === 1 && value > 1e-30) expect(judgeRow(row, e % k, Math.fround(value * (1 + 1e-3)), kind).fraud, `${type} ${k}: element ${e}`).toBe(true);
      }
    }
  });
});
