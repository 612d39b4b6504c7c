import { describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { dtypes, type Dtype } from "../../../protocol/program/types.ts";
import { words } from "../../contracts/judge/randomKinds.ts";
import { Random } from "../../contracts/judge/random.ts";
import { operandOf, stepOf } from "./makeStep.ts";

const rounds = Number(process.env.GAINSAY_FUZZ_CASES ?? 2000);
const { float32, uint8, int8, int32, int64, bool } = dtypes;

/** Judges a claimed value of an expression over integer scalars. */
function judgeMap(code: number[], result: Dtype, operands: [Dtype, number | bigint][], claimed: number | bigint): boolean {
  const step = stepOf(2, [], [], operands.map(([dtype]) => ({ ...operandOf(2, 1), dtype })), code);
  step.result.dtype = result;
  return judgeElement(step, (operand) => (operands[operand] as [Dtype, number | bigint])[1], 0, claimed).fraud;
}

function floatBits(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0] as number;
}

function constant(value: number): number[] {
  const bits = floatBits(value);
  return [0x02, bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255];
}

describe("the integer domain", () => {
  const push = (i: number) => [0x01, i];
  it.each<[string, number[], Dtype, [Dtype, number | bigint][], number | bigint]>([
    ["int32 sums wrap", [...push(0), ...push(1), 0x10], int32, [[int32, 2 ** 31 - 1], [int32, 1]], -(2 ** 31)],
    ["int64 products wrap", [...push(0), ...push(0), 0x12], int64, [[int64, 2n ** 40n]], 0n],
    ["division truncates", [...push(0), ...push(1), 0x13], int64, [[int64, -7n], [int8, 2]], -3n],
    ["int64 beyond doubles", [...push(0), 0x03, 0, 0, 0, 0, 0, 0, 0, 1, 0x10], int64, [[int64, 2n ** 60n]], 2n ** 60n + 1n],
    ["comparison", [...push(0), ...push(1), 0x48], bool, [[int64, 2n ** 60n], [int64, 2n ** 60n + 1n]], 1],
    ["selection", [...push(0), ...push(1), ...push(2), 0x50], int32, [[bool, 7], [int32, 5], [int32, 6]], 5],
    ["wrap to a byte", [...push(0), 0x59, uint8, ...push(0), 0x14], int32, [[int32, -1]], 255],
    ["no", [...push(0), 0x4c], bool, [[bool, 200]], 0],
    ["an empty expression copies and wraps", [], uint8, [[int64, -1n]], 255],
  ])("%s", (_, code, result, operands, value) => {
    expect(judgeMap(code, result, operands, value)).toBe(false);
    const other = typeof value === "bigint" ? value + 1n : result === bool ? 1 - value : value + 1;
    expect(judgeMap(code, result, operands, other)).toBe(true);
  });

  it("lets any value stand for a division by zero", () => {
    for (const y of [0, 5, -3]) expect(judgeMap([0x01, 0, 0x01, 1, 0x13], int32, [[int32, 7], [int32, 0]], y)).toBe(false);
  });
});

describe("integers in the float domain", () => {
  it.each<[string, number[], Dtype, [Dtype, number | bigint][], (number | bigint)[], (number | bigint)[]]>([
    ["float of int64", [], float32, [[int64, 2n ** 24n + 1n]], [floatBits(2 ** 24), floatBits(2 ** 24 + 2)], [floatBits(2 ** 24 - 1), floatBits(2 ** 24 + 4)]],
    ["truncation", [0x01, 0, 0x43], int32, [[float32, floatBits(-2.75)]], [-2], [-3, -1]],
    ["round half to even, with a tie that a rounding error turns", [0x01, 0, ...constant(0.1), 0x12, 0x42], int8, [[float32, floatBits(25)]], [2, 3], [1, 4]],
    ["a float beyond the type", [0x01, 0, 0x43], int32, [[float32, floatBits(3e9)]], [0, -(2 ** 31), 7], []],
    ["NaN", [0x01, 0], int64, [[float32, 0x7fc00000]], [0n, 1n], []],
    ["saturation", [0x01, 0, 0x42, ...constant(127), 0x15, ...constant(-128), 0x14], int8, [[float32, floatBits(1e9)]], [127], [126, -128]],
  ])("%s", (_, code, result, operands, sound, fraud) => {
    for (const y of sound) expect(judgeMap(code, result, operands, y), `${y}`).toBe(false);
    for (const y of fraud) expect(judgeMap(code, result, operands, y), `${y}`).toBe(true);
  });
});

describe("integer contraction", () => {
  it("is the sum that a loop over 32-bit integers makes, and nothing else", () => {
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i);
      const k = random.int(0, 70);
      const types = [random.pick([uint8, int8]), random.pick([uint8, int8])] as const;
      const draw = (dtype: Dtype) => Int32Array.from({ length: k }, () => (dtype === uint8 ? random.int(0, 255) : random.int(-128, 127)));
      const [f, g] = [draw(types[0]), draw(types[1])];
      const [zeroF, zeroG] = [random.int(-128, 255), random.int(-128, 255)];
      const bias = (random.bits() | 0) >> random.int(0, 8);
      let expected = bias;
      for (let j = 0; j < k; j++) expected = (expected + Math.imul((f[j] as number) - zeroF, (g[j] as number) - zeroG)) | 0;
      const factor = operandOf(0, k, { reduceStrides: [1] });
      const step = stepOf(1, [], [k], [{ ...factor, dtype: types[0] }, { ...factor, dtype: types[1] }, { ...operandOf(1, 1), dtype: int32 }]);
      step.result.dtype = int32;
      step.attributes = words([BigInt(zeroF), BigInt(zeroG)]);
      const read = (operand: number, element: number) => (operand === 2 ? bias : ([f, g][operand]?.[element] as number));
      expect(judgeElement(step, read, 0, expected).fraud, `case ${i}`).toBe(false);
      expect(judgeElement(step, read, 0, (expected + random.pick([1, -1, 256])) | 0).fraud, `case ${i}`).toBe(true);
    }
  });
});

describe("sums and means", () => {
  const mean = (op: number, taps: number[], y: number): boolean => {
    const step = stepOf(3, [], [taps.length], [operandOf(0, taps.length, { reduceStrides: [1] })], [], op);
    return judgeElement(step, (_, element) => floatBits(taps[element] as number), 0, floatBits(y)).fraud;
  };

  it("accept means in any order, by division, by reciprocal and of scaled terms, and nothing far away", () => {
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i);
      const scale = 2 ** random.int(-150, 100);
      const taps = Array.from({ length: random.int(1, 40) }, () => Math.fround((random.bits() / 2 ** 32 - 0.5) * scale));
      const order = [...taps].sort(() => random.int(-1, 1));
      const way = random.int(0, 2);
      const reciprocal = Math.fround(1 / taps.length);
      let sum = 0;
      for (const tap of order) sum = Math.fround(sum + (way === 2 ? Math.fround(tap * reciprocal) : tap));
      const y = way === 0 ? Math.fround(sum / taps.length) : way === 1 ? Math.fround(sum * reciprocal) : sum;
      expect(mean(4, taps, y), `case ${i}`).toBe(false);
      const magnitude = taps.reduce((total, tap) => total + Math.abs(tap), 0) / taps.length;
      const bound = ((taps.length + 4) * magnitude) / (2 ** 24 - taps.length - 4) + 3 * (taps.length + 4) * 2 ** -126;
      const exact = taps.reduce((total, tap) => total + tap, 0) / taps.length;
      if (magnitude > 2 ** -90) expect(mean(4, taps, Math.fround(exact + random.pick([-1, 1]) * (bound * 1.01 + Math.abs(exact) * 2 ** -23))), `case ${i}`).toBe(true);
    }
  });

  it("tell sum from mean", () => {
    expect(mean(3, [1, 2, 3], 6)).toBe(false);
    expect(mean(4, [1, 2, 3], 2)).toBe(false);
    expect(mean(4, [1, 2, 3], 6)).toBe(true);
    expect(mean(5, [1, 2, 3], 2)).toBe(false);
  });
});

describe("sums of integers", () => {
  const sum = (dtype: Dtype, taps: (number | bigint)[], y: number | bigint, result = dtype, code: number[] = []): boolean => {
    const step = stepOf(3, [], [taps.length], [{ ...operandOf(0, taps.length, { reduceStrides: [1] }), dtype }], code, 3);
    step.result.dtype = result;
    return judgeElement(step, (_, element) => taps[element] as number | bigint, 0, y).fraud;
  };
  const top = 2 ** 31 - 1;
  const wide = 2n ** 53n;

  it.each<[string, Dtype, (number | bigint)[], number | bigint]>([
    ["the largest", int32, [top - 1, 1, 0], top],
    ["the smallest", int32, [-top, -1], -top - 1],
    ["more on the way", int32, [top, top, -top, -top - 1], -1],
    ["all that doubles have", int64, [wide - 2n, -2n], wide - 4n],
    ["all of one sign", int64, [-wide], -wide],
    ["bytes", uint8, [200, 55], 255],
    ["no taps that are not zero", bool, [0, 0], 0],
  ])("are exact: %s", (_, dtype, taps, y) => {
    expect(sum(dtype, taps, y)).toBe(false);
    const other = typeof y === "bigint" ? y + 1n : y === 0 ? 1 : y - 1;
    expect(sum(dtype, taps, other)).toBe(true);
  });

  it.each<[string, Dtype, (number | bigint)[], (number | bigint)[]]>([
    ["beyond the type, saturated or wrapped", int32, [top, 1], [top, -top - 1, 0]],
    ["below the type", int32, [-top - 1, -1], [-top - 1, top]],
    ["beyond doubles, rounded or not", int64, [wide + 1n, 0n], [wide, wide + 1n, wide + 2n]],
    ["beyond doubles on the way", int64, [wide, -1n], [wide, wide - 1n]],
    ["beyond 64 bits", int64, [2n ** 63n - 1n, 1n], [2n ** 63n - 1n, -(2n ** 63n)]],
  ])("are left open: %s", (_, dtype, taps, ys) => {
    for (const y of ys) expect(sum(dtype, taps, y), `${y}`).toBe(false);
  });

  it("are left open by the type of the taps, whatever the result's and the expression", () => {
    expect(sum(int32, [top, 1], BigInt(top), int64)).toBe(false);
    expect(sum(int32, [top, 1], floatBits(1), float32)).toBe(false);
    expect(sum(int32, [top, 1], 7, int32, [0x01, 0, 0x59, int8])).toBe(false);
    expect(sum(int64, [2n ** 31n, 1n], 1, int32)).toBe(true);
    expect(sum(int64, [2n ** 31n, 1n], -top, int32)).toBe(false);
  });
});

describe("the index of the extreme", () => {
  const judge = (op: number, taps: number[], y: number, last = false): boolean => {
    const step = stepOf(3, [], [taps.length], [operandOf(0, taps.length, { reduceStrides: [1] })], [], op);
    step.result.dtype = int64;
    if (last) step.attributes = Uint8Array.of(1);
    return judgeElement(step, (_, element) => floatBits(taps[element] as number), 0, BigInt(y)).fraud;
  };
  const tiny = 2 ** -140;
  it.each<[string, number, number[], boolean, number[], number[]]>([
    ["first", 6, [1, 5, 5, 2], false, [1], [0, 2, 3, 4, -1]],
    ["last", 6, [1, 5, 5, 2], true, [2], [0, 1, 3]],
    ["least", 7, [1, -5, 5, -5], false, [1], [0, 2, 3]],
    ["NaN", 6, [1, NaN, 2], false, [0, 1, 2], []],
    ["zeros of both signs", 6, [-0, 0], false, [0, 1], [2]],
    ["subnormals, flushed or not", 6, [tiny, 2 * tiny, -1], false, [0, 1], [2]],
    ["infinities", 6, [-Infinity, -Infinity], false, [0], [1]],
  ])("%s", (_, op, taps, last, sound, fraud) => {
    for (const y of sound) expect(judge(op, taps, y, last), `${y}`).toBe(false);
    for (const y of fraud) expect(judge(op, taps, y, last), `${y}`).toBe(true);
  });
});
