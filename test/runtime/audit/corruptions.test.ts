import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitsOf } from "../../../protocol/judge/float32.ts";
import { dtypes, type Dtype } from "../../../protocol/program/types.ts";
import { corruptionsOf } from "../../../runtime/audit/corruptions.ts";
import { elementType, readElement, writeElement } from "../../../runtime/audit/elementTypes.ts";
import { chooseElements, createRandom } from "../../../runtime/audit/random.ts";

const floatTypes = [dtypes.float32, dtypes.float16, dtypes.bfloat16];
const allTypes = Object.values(dtypes);
const bitsFor = (dtype: Dtype) => fc.bigInt({ min: 0n, max: dtype === dtypes.bool ? 1n : (1n << BigInt(elementType(dtype).bytes * 8)) - 1n });

describe("element types", () => {
  it.each(allTypes)("order the values of type %i as numbers, and find them again", (dtype) => {
    const type = elementType(dtype);
    fc.assert(
      fc.property(bitsFor(dtype), bitsFor(dtype), (a, b) => {
        const [x, y] = [type.order(a), type.order(b)];
        if (x === undefined || y === undefined) return Number.isNaN(type.value(x === undefined ? a : b));
        const [v, w] = [type.value(a), type.value(b)];
        return type.value(type.at(x)) === v + 0 && (type.bytes === 8 || (x < y) === v < w) && x >= type.least && x <= type.greatest;
      }),
    );
  });

  it.each(allTypes)("write elements of type %i where they are read", (dtype) => {
    const bytes = new Uint8Array(elementType(dtype).bytes * 3).fill(0x55);
    const before = readElement(dtype, bytes, 0);
    writeElement(dtype, bytes, 1, elementType(dtype).at(1n));
    expect(readElement(dtype, bytes, 1)).toBe(elementType(dtype).at(1n));
    expect([readElement(dtype, bytes, 0), readElement(dtype, bytes, 2)]).toEqual([before, before]);
  });

  it.each(floatTypes)("round a verdict's float32 ends inwards for type %i", (dtype) => {
    const type = elementType(dtype);
    fc.assert(
      fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (a, b) => {
        const [lo, hi] = a <= b ? [a, b] : [b, a];
        const ends = type.enclosure({ lo: bitsOf(lo), hi: bitsOf(hi) })!;
        const [first, last] = [type.value(type.at(ends.lo)), type.value(type.at(ends.hi))];
        if (ends.lo > type.least) expect(type.value(type.at(ends.lo - 1n))).toBeLessThan(lo);
        if (ends.hi < type.greatest) expect(type.value(type.at(ends.hi + 1n))).toBeGreaterThan(hi);
        if (ends.lo <= ends.hi) expect([first >= lo, last <= hi]).toEqual([true, true]);
      }),
    );
  });
});

describe("corruptions", () => {
  const verdict = (lo: number, hi: number, nan = false) => ({ lo: bitsOf(lo), hi: bitsOf(hi), nan });
  const floatBits = (value: number) => BigInt(bitsOf(value));
  const never = () => {
    throw new Error("the ends tell");
  };

  it("lie next to the bound, on both sides, and in all the other ways", () => {
    const found = corruptionsOf({ dtype: dtypes.float32, bits: floatBits(1.5), neighbour: floatBits(7), verdict: verdict(1, 2), isFraud: never });
    expect(found.map(({ name, bits }) => [name, bits])).toEqual([
      ["above", 0x40000001n],
      ["below", 0x3f7fffffn],
      ["sign", floatBits(-1.5)],
      ["nan", 0x7fc00000n],
      ["neighbour", floatBits(7)],
    ]);
  });

  it("leave out what is sound", () => {
    const found = corruptionsOf({ dtype: dtypes.float32, bits: floatBits(0), neighbour: floatBits(0.5), verdict: verdict(-1, Infinity, true), isFraud: never });
    expect(found.map(({ name }) => name)).toEqual(["below"]);
  });

  it("claim a number where only NaN is sound", () => {
    const found = corruptionsOf({ dtype: dtypes.float32, bits: 0x7fc00000n, neighbour: 0x7fc00000n, verdict: { lo: 0x7f800000, hi: 0xff800000, nan: true }, isFraud: never });
    expect(found.map(({ name }) => name)).toEqual(["above", "below"]);
  });

  it("search for the nearest false whole number where the verdict has no ends", () => {
    const type = elementType(dtypes.int8);
    const sound = new Set([4n, 5n, 6n]);
    const found = corruptionsOf({ dtype: dtypes.int8, bits: type.at(5n), neighbour: type.at(6n), verdict: verdict(0, 0), isFraud: (bits) => !sound.has(type.order(bits)!) });
    expect(found.map(({ name, bits }) => [name, type.order(bits)])).toEqual([["above", 7n], ["below", 3n], ["sign", -5n]]);
  });

  it("flip a bool one way only", () => {
    const found = corruptionsOf({ dtype: dtypes.bool, bits: 1n, neighbour: 1n, verdict: verdict(0, 0), isFraud: (bits) => bits !== 1n });
    expect(found.map(({ name, bits }) => [name, bits])).toEqual([["below", 0n]]);
  });
});

describe("samples", () => {
  it("are the first, the last and others, the same for a seed", () => {
    const chosen = chooseElements(1000, 5, createRandom(7));
    expect(chosen).toEqual(chooseElements(1000, 5, createRandom(7)));
    expect(chosen).not.toEqual(chooseElements(1000, 5, createRandom(8)));
    expect([new Set(chosen).size, chosen[0], chosen.at(-1)]).toEqual([5, 0, 999]);
    expect(chooseElements(3, 5, createRandom(1))).toEqual([0, 1, 2]);
  });
});
