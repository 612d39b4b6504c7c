import { describe, expect, it } from "vitest";
import { evaluateExpression } from "../../../protocol/judge/expression.ts";
import { move } from "../../../protocol/judge/float32.ts";
import { point } from "../../../protocol/judge/interval.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { Random, randomBits, styles } from "../../contracts/judge/random.ts";
import { randomExpression } from "../../contracts/judge/randomCase.ts";
import { bitsOfFloat, floatOfBits, operandOf, stepOf } from "./makeStep.ts";
import { roundings } from "./halfValues.ts";
import { isSubnormal } from "./reference.ts";

const rounds = Number(process.env.GAINSAY_FUZZ_CASES ?? 5000);

/** Computes postfix bytecode as some machine might: flushing or not, products kept exact for the next addition or not. */
function compute(code: Uint8Array, slots: readonly number[], random: Random): number {
  const flush = random.chance(0.5);
  const keep = random.chance(0.5);
  const settle = (value: number) => {
    const single = Math.fround(value);
    return flush && isSubnormal(single) ? 0 : single;
  };
  const either = (x: number, y: number, pick: (x: number, y: number) => number) =>
    Number.isNaN(x) || Number.isNaN(y) ? random.pick([Number.NaN, Number.isNaN(x) ? y : x]) : pick(x, y);
  const stack: number[] = [];
  const pop = () => stack.pop() as number;
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    const mulNext = keep && (code[at + 1] === 0x10 || code[at + 1] === 0x11);
    if (opcode === 0x01) stack.push(settle(slots[code[++at] as number] as number));
    else if (opcode === 0x02) {
      stack.push(settle(floatOfBits(new DataView(code.buffer).getUint32(at + 1))));
      at += 4;
    } else if (opcode === 0x03) {
      stack.push(Math.fround(Number(new DataView(code.buffer).getBigInt64(at + 1))));
      at += 8;
    } else if (opcode === 0x50) {
      const [z, y, x] = [pop(), pop(), pop()];
      stack.push((Number.isNaN(x) ? random.chance(0.5) : x !== 0) ? y : z);
    } else if (opcode < 0x20 || (opcode >= 0x48 && opcode <= 0x51 && opcode !== 0x4c)) {
      const y = pop();
      const x = pop();
      if (opcode === 0x10) stack.push(settle(x + y));
      if (opcode === 0x11) stack.push(settle(x - y));
      // A product on its way into an addition may stay unrounded, as in a fused multiply-add.
      if (opcode === 0x12) stack.push(mulNext ? Math.fround(x) * Math.fround(y) : settle(x * y));
      if (opcode === 0x13) stack.push(settle(x / y));
      if (opcode === 0x14) stack.push(either(x, y, Math.max));
      if (opcode === 0x15) stack.push(either(x, y, Math.min));
      if (opcode === 0x48) stack.push(Number(x < y));
      if (opcode === 0x49) stack.push(Number(x <= y));
      if (opcode === 0x4a) stack.push(Number(x === y));
      const [a, b] = [truthOf(x, random), truthOf(y, random)];
      if (opcode === 0x4d) stack.push(Number(a && b));
      if (opcode === 0x4e) stack.push(Number(a || b));
      if (opcode === 0x4f) stack.push(Number(a !== b));
      if (opcode === 0x51) stack.push(powerOf(x, y, settle, random));
    } else {
      const x = pop();
      if (opcode === 0x20) stack.push(-x);
      if (opcode === 0x21) stack.push(Math.abs(x));
      if (opcode === 0x22) stack.push(settle(Math.sqrt(x)));
      if (opcode === 0x23) stack.push(settle(Math.exp(x)));
      if (opcode === 0x24) stack.push(settle(Math.log(x)));
      if (opcode === 0x25) stack.push(settle(Math.tanh(x)));
      if (opcode === 0x26) stack.push(settle(erfOf(x)));
      if (opcode === 0x27) stack.push(settle(1 / (1 + Math.exp(-x))));
      if (opcode === 0x30) stack.push(either(x, 0, Math.max));
      if (opcode === 0x40) stack.push(Math.floor(x));
      if (opcode === 0x41) stack.push(Math.ceil(x));
      if (opcode === 0x42) stack.push(roundHalfEven(x));
      if (opcode === 0x43) stack.push(Math.trunc(x));
      if (opcode === 0x44) stack.push(Math.sign(x));
      if (opcode === 0x4c) stack.push(Number(!truthOf(x, random)));
      if (opcode === 0x52) stack.push(settle(Math.sin(x)));
      if (opcode === 0x53) stack.push(settle(Math.cos(x)));
      if (opcode === 0x5a) stack.push(random.pick([x, ...roundings(x, code[++at] as number)]));
      if (opcode === 0x58) {
        const amount = floatOfBits(new DataView(code.buffer).getUint32(at + 1));
        stack.push(settle(x + (random.bits() / 2 ** 31 - 1) * amount));
        at += 4;
      }
    }
  }
  return Math.fround(pop());
}

function truthOf(x: number, random: Random): boolean {
  return Number.isNaN(x) ? random.chance(0.5) : x !== 0;
}

function roundHalfEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 23)) return x;
  // Adding and taking away 2^52 leaves an integer by the rounding of the double addition itself, ties to even.
  return x < 0 ? -(2 ** 52 - x - 2 ** 52) : x + 2 ** 52 - 2 ** 52;
}

/** A power as kernels have it: by the library, or by way of the logarithm. */
function powerOf(x: number, y: number, settle: (value: number) => number, random: Random): number {
  if (random.chance(0.5)) return settle(x ** y);
  return settle(Math.exp(settle(y * settle(Math.log(x)))));
}

function erfOf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Math.sign(x) || x;
  let term = a;
  let sum = a;
  for (let n = 1; term > 1e-18 * sum; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-a * a) * sum) / Math.sqrt(Math.PI);
}

describe("expressions", () => {
  it("enclose what machines compute", () => {
    const seen = { nan: 0, finite: 0, tight: 0 };
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i);
      const slots = Array.from({ length: 3 }, () => floatOfBits(randomBits(random, random.pick(styles))));
      const code = randomExpression(random, 3);
      const y = compute(code, slots, random);
      const { lo, hi, nan } = evaluateExpression(code, slots.map((slot) => point(bitsOfFloat(slot))));
      const contained = Number.isNaN(y) ? nan : lo <= y && y <= hi;
      expect(contained, `case ${i}: ${y} in [${lo}, ${hi}] ${nan} of ${Buffer.from(code).toString("hex")}`).toBe(true);
      seen[Number.isNaN(y) ? "nan" : "finite"]++;
      if (hi - lo <= Math.abs(y) * 1e-4) seen.tight++;
    }
    // Enclosures that are always the whole line would pass, too.
    expect(Math.min(seen.nan, seen.tight)).toBeGreaterThan(rounds / 20);
  });

  it("relu(x + 1) of a contraction has the bound of the sum and one rounding", () => {
    const factor = operandOf(0, 1, { reduceStrides: [1] });
    const step = stepOf(1, [], [1], [factor, factor], [0x01, 0, 0x02, 0x3f, 0x80, 0, 0, 0x10, 0x30]);
    const judge = (y: number, x: number) => judgeElement(step, () => bitsOfFloat(x), 0, bitsOfFloat(y)).fraud;
    expect(judge(5, 2)).toBe(false);
    expect(judge(5.00001, 2)).toBe(true);
    expect(judge(0, 2)).toBe(true);
  });

  it.each([
    ["EXPRESSION_TRUNCATED", [0x01]],
    ["EXPRESSION_TRUNCATED", [0x02, 0, 0, 0]],
    ["EXPRESSION_SLOT", [0x01, 9]],
    ["EXPRESSION_TRUNCATED", [0x03]],
    ["EXPRESSION_OPCODE", [0x04]],
    ["EXPRESSION_OPCODE", [0x01, 0, 0x54]],
    ["EXPRESSION_OPCODE", [0x01, 0, 0x5a, 1]],
    ["EXPRESSION_TRUNCATED", [0x01, 0, 0x5a]],
    ["EXPRESSION_OPCODE", [0x01, 0, 0x01, 0, 0x16]],
    ["EXPRESSION_STACK", [0x10]],
    ["EXPRESSION_STACK", [0x20]],
    ["EXPRESSION_STACK", [0x01, 0, 0x01, 0]],
    ["EXPRESSION_STACK", Array.from({ length: 17 }, () => [0x01, 0]).flat()],
  ])("%s for %j", (code, bytes) => {
    expect(() => evaluateExpression(Uint8Array.from(bytes), [point(0)])).toThrow(expect.objectContaining({ code }));
  });

  it("an empty expression is slot 0 and needs one", () => {
    expect(evaluateExpression(new Uint8Array(), [point(bitsOfFloat(3))])).toEqual({ lo: 3, hi: 3, nan: false });
    expect(() => evaluateExpression(new Uint8Array(), [])).toThrow(expect.objectContaining({ code: "EXPRESSION_SLOT" }));
  });
});

describe("reductions", () => {
  const inf = Infinity;
  const most = 3.4028234663852886e38;
  const tiny = 2 ** -130;
  it.each<[string, number, number[], { sound: number[]; fraud: number[] }]>([
    ["max", 1, [1, 5, -3], { sound: [5], fraud: [1, 4.9999995, 5.0000005, NaN, inf] }],
    ["min", 2, [1, 5, -3], { sound: [-3], fraud: [1, NaN, -inf] }],
    ["max of zeros", 1, [-0, -2], { sound: [0, -0], fraud: [-2, tiny] }],
    ["max with a NaN", 1, [1, NaN, 5], { sound: [NaN, 5, 1], fraud: [6, 0] }],
    ["max of NaN alone", 1, [NaN], { sound: [NaN, -inf, -most], fraud: [0, most] }],
    ["max of −∞ alone", 1, [-inf, -inf], { sound: [-inf, -most], fraud: [0, NaN] }],
    ["min of +∞ alone", 2, [inf], { sound: [inf, most], fraud: [0, NaN, -most] }],
    ["max of nothing", 1, [], { sound: [-inf, -most], fraud: [0, NaN] }],
    ["max of a subnormal, flushed or not", 1, [tiny, -1], { sound: [tiny, 0], fraud: [-tiny, -1, move(tiny, 1)] }],
  ])("%s", (_, op, taps, { sound, fraud }) => {
    const step = stepOf(3, [], [taps.length], [operandOf(0, Math.max(1, taps.length), { reduceStrides: [1] })], [], op);
    const judge = (y: number) => judgeElement(step, (__, element) => bitsOfFloat(taps[element] as number), 0, bitsOfFloat(y)).fraud;
    for (const y of sound) expect(judge(y), `${y}`).toBe(false);
    for (const y of fraud) expect(judge(y), `${y}`).toBe(true);
  });
});
