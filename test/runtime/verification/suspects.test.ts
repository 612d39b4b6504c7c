import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dtypes } from "../../../protocol/program/types.ts";
import { findSuspects } from "../../../runtime/verification/suspects.ts";

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const longs = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);
const elements = (claimed: Uint8Array, own: Uint8Array, limit?: number): number[] => findSuspects(claimed, own, dtypes.float32, limit).map(({ element }) => element);
const bits = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

describe("findSuspects", () => {
  it("finds nothing in equal tensors, and takes zeros of both signs and all NaNs for equal", () => {
    expect(elements(floats(1, -2, NaN, 0, Infinity), floats(1, -2, NaN, 0, Infinity))).toEqual([]);
    expect(elements(floats(0, -0), floats(-0, 0))).toEqual([]);
    expect(elements(bits(0x7fc00000, 0xffc00001), bits(0x7fc00001, 0x7f800001))).toEqual([]);
    expect(elements(new Uint8Array(), new Uint8Array())).toEqual([]);
  });

  it("puts what is not finite on one side only first, then the largest difference", () => {
    expect(elements(floats(1, NaN, 3, -Infinity, 5.5), floats(1.25, 2, 9, 4, 5))).toEqual([1, 3, 2, 4, 0]);
    expect(elements(floats(1, 2), floats(NaN, Infinity))).toEqual([0, 1]);
    expect(elements(floats(Infinity), floats(-Infinity))).toEqual([0]);
  });

  it("tells claimed from own", () => {
    expect(findSuspects(floats(4), floats(3), dtypes.float32)).toEqual([{ element: 0, claimed: 4, own: 3 }]);
  });

  it("returns every differing element up to the limit, whatever the differences", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.float({ noNaN: true }), fc.boolean()), { maxLength: 60 }), (pairs) => {
        const own = pairs.map(([value]) => Math.fround(value));
        const claimed = own.map((value, i) => (pairs[i]?.[1] === true ? Math.fround(value === 0 ? 1 : -value) : value));
        const expected = own.flatMap((value, i) => (Object.is(value, claimed[i]) || value === claimed[i] ? [] : [i]));
        expect(elements(floats(...claimed), floats(...own)).sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });

  it("finds a small lie in a small element among larger differences, by its relative size", () => {
    const own = Array.from({ length: 50 }, (_, i) => 1000 + i);
    const claimed = own.map((value) => value + 0.5);
    own[20] = 1e-6;
    claimed[20] = 2e-3;
    const found = elements(floats(...claimed), floats(...own), 5);
    expect(found.slice(0, 5)).not.toContain(20);
    expect(found).toContain(20);
    expect(found.length).toBeLessThanOrEqual(10);
    expect(new Set(found).size).toBe(found.length);
  });

  it("chooses the same of many as sorting all of them would, ties and infinities included", () => {
    const value = fc.oneof(fc.constantFrom(0, -0, 1, 2, 3, -1, Infinity, -Infinity, NaN), fc.float());
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 80 }), fc.integer({ min: 1, max: 20 }), (pairs, limit) => {
        const [claimed, own] = [0, 1].map((side) => floats(...pairs.map((pair) => pair[side] as number))) as [Uint8Array, Uint8Array];
        const all = findSuspects(claimed, own, dtypes.float32, Infinity).sort((a, b) => a.element - b.element);
        const difference = (one: { claimed: number; own: number }): number => (Number.isNaN(one.claimed - one.own) ? Infinity : Math.abs(one.claimed - one.own));
        const share = (one: { claimed: number; own: number }): number => (Number.isFinite(one.claimed) && Number.isFinite(one.own) ? difference(one) / Math.max(Math.abs(one.claimed), Math.abs(one.own)) : Infinity);
        const falling = (measure: typeof difference) => [...all].sort((a, b) => (measure(a) === measure(b) ? a.element - b.element : measure(b) - measure(a)));
        const expected = all.length <= limit ? falling(difference) : [...new Set([...falling(difference).slice(0, limit), ...falling(share).slice(0, limit)])];
        expect(elements(claimed, own, limit)).toEqual(expected.map(({ element }) => element));
      }),
      { numRuns: 500 },
    );
  });

  it("reads tensors that do not start at a multiple of four", () => {
    const shifted = (bytes: Uint8Array): Uint8Array => {
      const room = new Uint8Array(bytes.length + 1);
      room.set(bytes, 1);
      return room.subarray(1);
    };
    expect(elements(shifted(floats(1, 2, 3)), shifted(floats(1, 5, 3)))).toEqual([1]);
  });

  it("sees integers that differ beyond the precision of a double", () => {
    expect(findSuspects(longs(2n ** 60n), longs(2n ** 60n + 1n), dtypes.int64).map(({ element }) => element)).toEqual([0]);
    expect(findSuspects(longs(5n, -7n), longs(5n, -7n), dtypes.int64)).toEqual([]);
    expect(findSuspects(new Uint8Array([1, 200]), new Uint8Array([1, 201]), dtypes.uint8)).toEqual([{ element: 1, claimed: 200, own: 201 }]);
  });
});
