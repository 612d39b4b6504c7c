import { describe, expect, it } from "vitest";
import { evaluateExpression } from "../../../protocol/judge/expression.ts";
import { floatOf } from "../../../protocol/judge/float32.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { dtypes } from "../../../protocol/program/types.ts";
import { Random, randomBits, styles } from "../../contracts/judge/random.ts";
import { floorOf, leastNormal, magnitudes, roundings } from "./halfValues.ts";
import { bitsOfFloat, operandOf, stepOf } from "./makeStep.ts";

const halves = [["float16", dtypes.float16], ["bfloat16", dtypes.bfloat16]] as const;

describe.each(halves)("%s", (_, dtype) => {
  const list = magnitudes[dtype]!;
  const rounded = (lo: number, hi: number) => evaluateExpression(Uint8Array.of(0x01, 0, 0x5a, dtype), [{ lo, hi, nan: false }]);

  it("is read as the float32 with its value", () => {
    const bytes = new Uint8Array(2);
    const read = (bits: number): number => {
      new DataView(bytes.buffer).setUint16(0, bits, true);
      return floatOf(Number(elementReader(bytes, dtype)(0)));
    };
    for (const [bits, value] of list.entries()) {
      expect(read(bits)).toBe(value);
      expect(read(bits | 0x8000)).toBe(0 - value);
    }
    expect(read(list.length)).toBe(Infinity);
    expect(read(list.length | 0x8000)).toBe(-Infinity);
    expect(read(list.length + 1)).toBeNaN();
  });

  it("may be rounded in every way machines round, and no further than to the neighbours", () => {
    for (let i = 0; i < 20_000; i++) {
      const random = new Random(i);
      const value = floatOf(random.chance(0.5) ? randomBits(random, random.pick(styles)) : bitsOfFloat((random.pick(list)) * (1 + random.int(-3, 3) * 2 ** -23)));
      if (Number.isNaN(value)) continue;
      const { lo, hi } = rounded(value, value);
      for (const y of [value, ...roundings(value, dtype)]) expect(lo <= y && y <= hi, `${y} of ${value} in [${lo}, ${hi}]`).toBe(true);
      const magnitude = Math.abs(value);
      if (magnitude > list.at(-1)!) continue;
      const at = floorOf(magnitude, dtype);
      const ends = magnitude < leastNormal[dtype]! ? [0, list[at]! < magnitude ? list[at + 1]! : list[at]!] : [list[at]!, list[at]! < magnitude ? list[at + 1]! : list[at]!];
      expect(value < 0 ? [0 - hi, 0 - lo] : [lo, hi]).toEqual(ends);
    }
  });

  it("overflows where rounding to nearest does", () => {
    const greatest = list.at(-1)!;
    const half = greatest + (greatest - list.at(-2)!) / 2;
    expect(rounded(greatest, greatest)).toEqual({ lo: greatest, hi: greatest, nan: false });
    expect(rounded(half, half)).toEqual({ lo: greatest, hi: Infinity, nan: false });
    const below = floatOf(bitsOfFloat(half) - 1);
    expect(rounded(below, below)).toEqual({ lo: greatest, hi: below, nan: false });
    expect(rounded(-below, greatest)).toEqual({ lo: -below, hi: greatest, nan: false });
    expect(rounded(-Infinity, -half)).toEqual({ lo: -Infinity, hi: -greatest, nan: false });
  });

  it("admits what a kernel makes that keeps a sum beyond the largest value, or saturates it, or rounds", () => {
    const greatest = list.at(-1)!;
    const little = (greatest - list.at(-2)!) * (15 / 32);
    const each = { ...operandOf(2, 1), dtype };
    const step = { ...stepOf(2, [], [], [each, each, each], [0x01, 0, 0x01, 1, 0x10, 0x5a, dtype, 0x01, 2, 0x10, 0x5a, dtype]), profile: 2 };
    step.result.dtype = dtype;
    const values = [greatest, little, -greatest].map(bitsOfFloat);
    const judge = (y: number) => judgeElement(step, (operand) => values[operand]!, 0, bitsOfFloat(y)).fraud;
    expect([0, little, 2 * little, -little, Infinity].map(judge)).toEqual([false, false, true, true, true]);
  });

  it("admits its values around a dot product, and no others", () => {
    const factor = { ...operandOf(0, 3, { reduceStrides: [1] }), dtype };
    const step = { ...stepOf(1, [], [3], [factor, factor], [0x01, 0, 0x5a, dtype]), profile: 2 };
    step.result.dtype = dtype;
    const values = [1.5, -0.25, 3].map(bitsOfFloat);
    const judge = (y: number) => judgeElement(step, (__, element) => values[element]!, 0, bitsOfFloat(y)).fraud;
    // The sum is a value of the type; around it the float32 bound reaches into both gaps, and a kernel may round either way there.
    const at = floorOf(1.5 ** 2 + 0.25 ** 2 + 9, dtype);
    expect([-2, -1, 0, 1, 2].map((steps) => judge(list[at + steps]!))).toEqual([true, false, false, false, true]);
  });

  it("is refused in profile 1", () => {
    const step = stepOf(2, [1], [], [{ ...operandOf(2, 1, { outStrides: [1] }), dtype }]);
    expect(() => judgeElement(step, () => 0, 0, 0)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_TYPE" }));
  });
});
