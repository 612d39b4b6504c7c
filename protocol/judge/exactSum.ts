import { floatOf, roundBoth, unpack } from "./float32.ts";
import type { Interval } from "./interval.ts";
import { judgeError } from "./judgeError.ts";

const MAX_TERMS = 2 ** 22;
const SPLIT = 2 ** 24;
/** Exponents of products, in units of 2^−300, are below this. */
const SCALES = 512;
const OVERFLOW = ((1n << 25n) - 1n) << 403n;

/** What an exact sum admits; see docs/protocol.md §5. [lo, hi]: the floats inside the exact bound; [outerLo, outerHi] enclose it. */
export interface SumBound {
  finite: boolean;
  plusInf: boolean;
  minusInf: boolean;
  nan: boolean;
  lo: number;
  hi: number;
  outerLo: number;
  outerHi: number;
  /** Exact sum in units of 2^−300, and the radius of its bound as `radius / radiusScale` in the same units. */
  exact: bigint;
  radius: bigint;
  radiusScale: bigint;
  /** What sum and radius are to be divided by: 1, or the number of elements of a mean. */
  count: bigint;
}

/**
 * A sum of float32 products and terms, kept exactly: for each exponent the sum of significands, split into halves of 24 bits
 * so that 2^22 of them stay exact in a double.
 */
export class ExactSum {
  terms = 0;
  private readonly positive = new Halves();
  private readonly negative = new Halves();
  /** Magnitudes of the terms that have a subnormal operand. */
  private readonly flushable = new Halves();
  private nan = false;
  private plusInf = false;
  private minusInf = false;
  private flushNan = false;

  /** Empties the sum for reuse. */
  clear(): void {
    this.terms = 0;
    this.positive.clear();
    this.negative.clear();
    this.flushable.clear();
    this.nan = this.plusInf = this.minusInf = this.flushNan = false;
  }

  /** Adds the product of the floats with bits a and b. Counting it in `terms` is the caller's part. */
  addProduct(a: number, b: number): void {
    const x = a & 0x7fffffff;
    const y = b & 0x7fffffff;
    const minus = (a ^ b) < 0;
    if (x >= 0x7f800000 || y >= 0x7f800000) {
      if (x > 0x7f800000 || y > 0x7f800000 || x === 0 || y === 0) {
        this.nan = true;
      } else {
        // A flushed subnormal makes 0·∞ of it.
        if (x < 0x00800000 || y < 0x00800000) this.flushNan = true;
        this.addInfinity(minus);
      }
      return;
    }
    if (x === 0 || y === 0) return;
    const ex = x >>> 23;
    const ey = y >>> 23;
    const mx = ex === 0 ? x : (x & 0x7fffff) | 0x800000;
    const my = ey === 0 ? y : (y & 0x7fffff) | 0x800000;
    this.addTerm(mx * my, (ex || 1) + (ey || 1), minus, ex === 0 || ey === 0);
  }

  /** Adds the float with bits a. */
  addFloat(a: number): void {
    const x = a & 0x7fffffff;
    if (x > 0x7f800000) {
      this.nan = true;
    } else if (x === 0x7f800000) {
      this.addInfinity(a >>> 31 === 1);
    } else if (x !== 0) {
      const { m, e } = unpack(x);
      this.addTerm(m, e + 150, a >>> 31 === 1, x < 0x00800000);
    }
  }

  /** The values that some order of summation with float32 roundings can give. Throws `TOO_MANY_TERMS` from 2^22 on. */
  bound(): SumBound {
    return this.boundOfMean(2, 1);
  }

  /** The same for the sum divided by `count`, with `extra` roundings of a term besides those of the additions. */
  boundOfMean(extra: number, count: number): SumBound {
    const n = this.terms + extra;
    if (n >= MAX_TERMS) throw judgeError("TooManyTerms", "The sum has too many terms for its rounding bound.", { terms: this.terms });
    const result: SumBound = {
      finite: false, plusInf: false, minusInf: false, nan: false,
      lo: 0, hi: 0, outerLo: 0, outerHi: 0, exact: 0n, radius: 0n, radiusScale: 1n, count: 1n,
    };
    if (this.nan || (this.plusInf && this.minusInf)) return { ...result, nan: true };
    const q = (1n << 24n) - BigInt(n);
    const underflow = (3n * BigInt(n)) << 174n;
    const p = this.positive.total();
    const m = this.negative.total();
    const plus = (p << 24n) + q * underflow >= q * OVERFLOW;
    const minus = (m << 24n) + q * underflow >= q * OVERFLOW;
    result.plusInf = this.plusInf || (plus && !this.minusInf);
    result.minusInf = this.minusInf || (minus && !this.plusInf);
    result.nan = this.flushNan || ((plus || this.plusInf) && (minus || this.minusInf));
    if (this.plusInf || this.minusInf) return result;
    result.finite = true;
    const divisor = BigInt(count);
    result.exact = p - m;
    result.count = divisor;
    result.radius = BigInt(n) * (p + m) + q * (divisor * underflow + this.flushable.total());
    result.radiusScale = q;
    const low = quotient(q * result.exact - result.radius, q * divisor);
    const high = quotient(q * result.exact + result.radius, q * divisor);
    result.outerLo = low.down;
    result.lo = low.up;
    result.hi = high.down;
    result.outerHi = high.up;
    return result;
  }

  private addTerm(product: number, scale: number, minus: boolean, subnormal: boolean): void {
    (minus ? this.negative : this.positive).add(product, scale);
    if (subnormal) this.flushable.add(product, scale);
  }

  private addInfinity(minus: boolean): void {
    if (minus) this.minusInf = true;
    else this.plusInf = true;
  }
}

/** The bound as an interval that encloses every sound value. */
export function enclosure(bound: SumBound, outer: boolean): Interval {
  let lo = Infinity;
  let hi = -Infinity;
  if (bound.finite) {
    lo = outer ? bound.outerLo : bound.lo;
    hi = outer ? bound.outerHi : bound.hi;
  }
  return { lo: bound.minusInf ? -Infinity : lo, hi: bound.plusInf ? Infinity : hi, nan: bound.nan };
}

/** Whether the float32 with these bits is sound. */
export function admits(bound: SumBound, bits: number): boolean {
  const value = floatOf(bits);
  if (Number.isNaN(value)) return bound.nan;
  if (value === Infinity) return bound.plusInf;
  if (value === -Infinity) return bound.minusInf;
  return bound.finite && bound.lo <= value && value <= bound.hi;
}

/** numerator / q in units of 2^−300, rounded to float32 downwards and upwards. */
function quotient(numerator: bigint, q: bigint): { down: number; up: number } {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  const whole = magnitude / q;
  const sticky = whole * q !== magnitude;
  return roundBoth(negative, whole, -300, sticky);
}

/** Sums of 48-bit significands by exponent. */
class Halves {
  private readonly high = new Float64Array(SCALES);
  private readonly low = new Float64Array(SCALES);
  private first = SCALES;
  private last = -1;

  add(significand: number, scale: number): void {
    const high = Math.floor(significand / SPLIT);
    this.high[scale] = (this.high[scale] as number) + high;
    this.low[scale] = (this.low[scale] as number) + (significand - high * SPLIT);
    if (scale < this.first) this.first = scale;
    if (scale > this.last) this.last = scale;
  }

  clear(): void {
    if (this.last < 0) return;
    this.high.fill(0, this.first, this.last + 1);
    this.low.fill(0, this.first, this.last + 1);
    this.first = SCALES;
    this.last = -1;
  }

  /** The sum in units of 2^−300. */
  total(): bigint {
    let sum = 0n;
    for (let scale = this.last; scale >= this.first; scale--) {
      sum = (sum << 1n) + (BigInt(this.high[scale] as number) << 24n) + BigInt(this.low[scale] as number);
    }
    return this.last < 0 ? 0n : sum << BigInt(this.first);
  }
}
