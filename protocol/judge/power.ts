import { bitsOf, floatOf, MAX_FINITE, unpack } from "./float32.ts";
import { abs, all, hull, isNone, neg, none, type Interval } from "./interval.ts";
import { budgets, expOfFixed, logFixedOf } from "./scalar.ts";

/** Beyond this exponent e^x is out of range on either side, whatever the allowance; in units of 2^−96. */
const FAR = 110n << 96n;

/**
 * Enclosure of a^b as kernels compute it, also by way of exp(b·log a); the twin of contracts/lib/Power.sol (docs/judge.md §4).
 * For a > 0 the power is monotone in each argument, so its extremes over a box are at the corners.
 */
export function pow(x: Interval, y: Interval): Interval {
  const nan = x.nan || y.nan;
  // Of NaN and 0, or of 1 and NaN, IEEE 754 makes 1.
  const start = nan ? { lo: 1, hi: 1, nan } : none(false);
  if (isNone(x) || isNone(y)) return start;
  if (y.lo === -Infinity || y.hi === Infinity) return all;
  if (x.lo >= 0) return takeBox(start, x.lo, x.hi, y);
  // A negative base needs an integer exponent, and only one is followed.
  if (y.lo !== y.hi || !Number.isInteger(y.lo)) return all;
  const magnitude = abs(x);
  let r = takeBox(none(false), magnitude.lo, magnitude.hi, y);
  if (Math.abs(y.lo % 2) === 1) {
    const mirrored = neg(r);
    r = x.hi > 0 ? hull(r, mirrored.lo, mirrored.hi) : mirrored;
  }
  // Kernels that go by way of the logarithm have NaN for a negative base.
  return { ...hull(start, r.lo, r.hi), nan: true };
}

function takeBox(start: Interval, lo: number, hi: number, y: Interval): Interval {
  let z = start;
  for (const a of [lo, hi]) {
    for (const b of [y.lo, y.hi]) {
      const corner = cornerOf(a, b);
      z = hull(z, corner.lo, corner.hi);
    }
  }
  // 0^0 and ∞^0 are 1, beside a limit of 0 or ∞, and NaN by way of the logarithm.
  if (y.lo <= 0 && y.hi >= 0) z = { ...hull(z, 1, 1), nan: z.nan || lo === 0 || hi === Infinity };
  // The sign of a zero base decides that of an infinite power.
  return lo === 0 && y.lo < 0 ? { lo: -Infinity, hi: Infinity, nan: z.nan } : z;
}

/** a ≥ 0, b finite. */
function cornerOf(a: number, b: number): { lo: number; hi: number } {
  if (b === 0 || a === 1) return { lo: 1, hi: 1 };
  if (a === 0 || a === Infinity) {
    const end = (a === 0) === b < 0 ? Infinity : 0;
    return { lo: end, hi: end };
  }
  const exponent = product(a, b);
  const p = exponent < 0n ? -exponent : exponent;
  // e^±110 is beyond every float, and so is what the allowance makes of it.
  if (p >= FAR) return exponent < 0n ? { lo: 0, hi: floatOf(1 + budgets.exp) } : { lo: MAX_FINITE, hi: Infinity };
  // The logarithm and the product err relative to the exponent, the rest relative to the power: 2^−20 of p, and 2^−19.
  const slack = (p >> 20n) + (1n << 77n);
  return { lo: expOfFixed(exponent - slack, false), hi: expOfFixed(exponent + slack, true) };
}

/** b·ln a in units of 2^−96, cut towards zero and capped. */
function product(a: number, b: number): bigint {
  const ln = logFixedOf(a);
  const { m, e } = unpack(bitsOf(Math.abs(b)));
  let p = (ln < 0n ? -ln : ln) * BigInt(m);
  if (e >= 150) p = e - 150 > 110 ? FAR : p << BigInt(e - 150);
  else p >>= BigInt(150 - e);
  if (p > FAR) p = FAR;
  return ln < 0n !== b < 0 ? -p : p;
}
