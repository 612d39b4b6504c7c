import { add as addFloat, div as divFloat, isNaNBits, floatOf, MIN_NORMAL, move, mul as mulFloat, roundBoth, sqrt as sqrtFloat } from "./float32.ts";

/** The sound values of an intermediate: all float32 from `lo` to `hi` (±∞ included; none if lo > hi), and NaN if `nan`. */
export interface Interval {
  readonly lo: number;
  readonly hi: number;
  readonly nan: boolean;
}

/** Budget of a division: kernels that multiply by an estimated reciprocal are up to 2.5 ulp off (WGSL; Arm's estimate 1.5). */
const DIV_ULPS = 2;

/** No number at all. */
export function none(nan: boolean): Interval {
  return { lo: Infinity, hi: -Infinity, nan };
}

/** The value with these bits, or zero if it is subnormal and a kernel flushes it. */
export function point(bits: number): Interval {
  if (isNaNBits(bits)) return none(true);
  const value = floatOf(bits);
  return flushed({ lo: value, hi: value, nan: false });
}

/** Takes 0 in where a subnormal may have been flushed. */
export function flushed(x: Interval): Interval {
  if (!(x.lo <= x.hi && x.lo < MIN_NORMAL && x.hi > -MIN_NORMAL)) return x;
  return { lo: Math.min(x.lo, 0), hi: Math.max(x.hi, 0), nan: x.nan };
}

/** The floats around an integer. */
export function integer(value: bigint): Interval {
  const negative = value < 0n;
  const { down, up } = roundBoth(negative, negative ? -value : value, 0, false);
  return { lo: down, hi: up, nan: false };
}

/** Every value there is. */
export const all: Interval = { lo: -Infinity, hi: Infinity, nan: true };

export function isNone(x: Interval): boolean {
  return x.lo > x.hi;
}

export function neg(x: Interval): Interval {
  return isNone(x) ? none(x.nan) : { lo: 0 - x.hi, hi: 0 - x.lo, nan: x.nan };
}

export function abs(x: Interval): Interval {
  if (isNone(x) || x.lo >= 0) return x;
  if (x.hi <= 0) return neg(x);
  return { lo: 0, hi: Math.max(-x.lo, x.hi), nan: x.nan };
}

export function add(x: Interval, y: Interval): Interval {
  let nan = x.nan || y.nan;
  if (isNone(x) || isNone(y)) return none(nan);
  nan ||= (x.lo === -Infinity && y.hi === Infinity) || (x.hi === Infinity && y.lo === -Infinity);
  // Where one end is −∞ and the other +∞, the only sums that are numbers are the infinity on the far side.
  return {
    lo: x.lo + y.lo !== x.lo + y.lo ? Infinity : addFloat(x.lo, y.lo, false),
    hi: x.hi + y.hi !== x.hi + y.hi ? -Infinity : addFloat(x.hi, y.hi, true),
    nan,
  };
}

export function sub(x: Interval, y: Interval): Interval {
  return add(x, neg(y));
}

export function mul(x: Interval, y: Interval): Interval {
  let nan = x.nan || y.nan;
  if (isNone(x) || isNone(y)) return none(nan);
  nan ||= (holdsZero(x) && holdsInfinity(y)) || (holdsZero(y) && holdsInfinity(x));
  let z = none(nan);
  for (const a of [x.lo, x.hi]) {
    for (const b of [y.lo, y.hi]) {
      if ((a === 0 && !Number.isFinite(b)) || (b === 0 && !Number.isFinite(a))) {
        // 0·∞ itself is NaN, but the infinite side has finite values too unless it is a point; those give 0.
        if (a === 0 ? y.lo < y.hi : x.lo < x.hi) z = hull(z, 0, 0);
      } else {
        z = hull(z, mulFloat(a, b, false), mulFloat(a, b, true));
      }
    }
  }
  return z;
}

export function div(x: Interval, y: Interval): Interval {
  let nan = x.nan || y.nan;
  if (isNone(x) || isNone(y)) return none(nan);
  nan ||= (holdsZero(x) && holdsZero(y)) || (holdsInfinity(x) && holdsInfinity(y));
  if (holdsZero(y)) {
    if (x.lo === 0 && x.hi === 0) return y.lo === y.hi ? none(nan) : { lo: 0, hi: 0, nan };
    return { lo: -Infinity, hi: Infinity, nan };
  }
  let z = none(nan);
  for (const a of [x.lo, x.hi]) {
    for (const b of [y.lo, y.hi]) {
      if (Number.isFinite(a) || Number.isFinite(b)) z = hull(z, divFloat(a, b, false), divFloat(a, b, true));
    }
  }
  return isNone(z) ? z : { ...z, lo: widenQuotient(z.lo, -DIV_ULPS), hi: widenQuotient(z.hi, DIV_ULPS) };
}

/** A quotient that is exactly zero or infinite is so for every kernel. */
function widenQuotient(value: number, ulps: number): number {
  return value === 0 || !Number.isFinite(value) ? value : move(value, ulps);
}

export function sqrt(x: Interval): Interval {
  if (isNone(x)) return none(x.nan);
  const nan = x.nan || x.lo < 0;
  if (x.hi < 0) return none(nan);
  return { lo: sqrtFloat(Math.max(x.lo, 0), false), hi: sqrtFloat(x.hi, true), nan };
}

export function max(x: Interval, y: Interval): Interval {
  let z = none(x.nan || y.nan);
  if (!isNone(x) && !isNone(y)) z = { lo: Math.max(x.lo, y.lo), hi: Math.max(x.hi, y.hi), nan: z.nan };
  // Kernels differ on max of a NaN and a number: NaN or the number.
  if (x.nan) z = hull(z, y.lo, y.hi);
  if (y.nan) z = hull(z, x.lo, x.hi);
  return z;
}

export function min(x: Interval, y: Interval): Interval {
  return neg(max(neg(x), neg(y)));
}

export function hull(z: Interval, lo: number, hi: number): Interval {
  return { lo: Math.min(z.lo, lo), hi: Math.max(z.hi, hi), nan: z.nan };
}

function holdsZero(x: Interval): boolean {
  return x.lo <= 0 && x.hi >= 0;
}

function holdsInfinity(x: Interval): boolean {
  return x.lo === -Infinity || x.hi === Infinity;
}
