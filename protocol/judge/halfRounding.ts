import { dtypes } from "../program/types.ts";
import { isNone, type Interval } from "./interval.ts";

/** How the values of a half type lie: significant bits, smallest normal, largest finite, and where rounding to nearest gives infinity. */
const formats = {
  [dtypes.float16]: { bits: 11, least: 2 ** -14, greatest: 65504, overflow: 65520 },
  [dtypes.bfloat16]: { bits: 8, least: 2 ** -126, greatest: 255 * 2 ** 120, overflow: 255.5 * 2 ** 120 },
} as const;

/**
 * The values that rounding to a half type may make of those of `x`, whichever way it rounds, and those of `x` with it: ends are moved
 * outward to the type's values. Infinity only where rounding to nearest gives it; subnormals of the type may be flushed.
 */
export function roundedToHalf(x: Interval, dtype: number): Interval {
  if (isNone(x)) return x;
  const format = formats[dtype as keyof typeof formats];
  const end = (value: number, up: boolean): number => {
    const magnitude = Math.abs(value);
    const moved = value < 0 === up ? towardsZero(magnitude, format) : away(magnitude, format);
    return value < 0 ? 0 - moved : moved;
  };
  return { lo: end(x.lo, false), hi: end(x.hi, true), nan: x.nan };
}

type Format = (typeof formats)[keyof typeof formats];

function towardsZero(magnitude: number, format: Format): number {
  if (magnitude === Infinity) return Infinity;
  if (magnitude < format.least) return 0;
  const unit = unitOf(magnitude, format);
  return Math.min(format.greatest, Math.floor(magnitude / unit) * unit);
}

function away(magnitude: number, format: Format): number {
  if (magnitude >= format.overflow) return Infinity;
  // No value of the type lies further out but infinity, so the end stays where it is.
  if (magnitude > format.greatest) return magnitude;
  const unit = unitOf(magnitude, format);
  return Math.ceil(magnitude / unit) * unit;
}

/** Distance of the type's values around a magnitude; a power of two, so that dividing a float32 by it is exact. */
function unitOf(magnitude: number, { bits, least }: Format): number {
  const exponent = magnitude < least ? Math.log2(least) : Math.floor(Math.log2(magnitude));
  // The logarithm of what is just below a power of two may round up to it.
  const floor = 2 ** exponent > magnitude && magnitude >= least ? exponent - 1 : exponent;
  return 2 ** (floor - bits + 1);
}
