import { add, bitLength, roundBig } from "./float32.ts";
import type { Interval } from "./interval.ts";
import { fixedOf, LN2, logFixed } from "./scalar.ts";

/** From this distance on e^−d is below 2^−150. */
const FAR = 110n << 96n;
/** A flushed exponential, a flushed quotient, and one more. */
const FLUSH = 3 * 2 ** -126;
/** Results below are widened by FLUSH; above, it is part of the relative allowance. */
const SMALL = 2 ** -100;
/** 2^64/j!, from the 14th down. */
const SERIES = [211597908n, 2962370717n, 38510819324n, 462129831893n, 5083428150823n, 50834281508238n, 457508533574145n, 3660068268593165n, 25620477880152155n, 153722867280912930n, 768614336404564650n, 3074457345618258602n, 9223372036854775808n, 18446744073709551616n, 18446744073709551616n];

/** m − x of two finite floats, x ≤ m, in units of 2^−96, within one unit: the distance. */
export function distanceOf(m: number, x: number): bigint {
  return signedFixed(m) - signedFixed(x);
}

/**
 * Sums of e^(x − m) over a row whose largest element is m, and the enclosures of softmax and its logarithm that follow (docs/judge.md §5);
 * the twin of contracts/lib/Softmax.sol. In units of 2^−128. An infinite distance is undefined.
 */
export class ExpSum {
  private total = 0n;
  private weighted = 0n;
  private terms = 0n;

  add(d: bigint | undefined): void {
    this.terms++;
    if (d === undefined || d >= FAR) return;
    const { f, k } = expNegative(d);
    const e = (f << 63n) >> k;
    this.total += e;
    this.weighted += (e * d) >> 96n;
  }

  /** The values of e^−d divided by the sum. */
  quotient(d: bigint | undefined): Interval {
    if (d === undefined || d >= FAR) return { lo: 0, hi: FLUSH, nan: false };
    const { low, high, q } = this.ends();
    const { f, k } = expNegative(d);
    // 5·2^−23 for the exponential, 6u·d for its argument, 2^−21 for the division; in units of 2^−64.
    const slack = (5n << 41n) + (1n << 43n) + ((6n * d) >> 56n) + 1n;
    const exponent = -97 - Number(k);
    const down = (f * ((1n << 64n) - slack) * q) << 96n;
    const up = (f * ((1n << 64n) + slack) * q) << 96n;
    let lo = roundBig(false, down / high, exponent, true, false);
    let hi = roundBig(false, up / low, exponent, true, true);
    if (lo < SMALL) lo = Math.max(0, add(lo, -FLUSH, false));
    if (hi < SMALL) hi = add(hi, FLUSH, true);
    return { lo, hi, nan: false };
  }

  /** The values of −d less the logarithm of the sum. */
  logarithm(d: bigint): Interval {
    const { low, high, q } = this.ends();
    const least = logOf(low / q) - 1024n;
    const greatest = logOf(high / q + 1n) + 1024n;
    const magnitude = greatest < 0n ? -greatest : greatest;
    // 8 floats of the logarithm and 2^−21, then 4u for the subtractions.
    const slack = (magnitude >> 20n) + (1n << 75n) + ((d + magnitude) >> 22n) + 4096n;
    return { lo: roundedTo(-d - greatest - slack, false), hi: roundedTo(-d - least + slack, true), nan: false };
  }

  /**
   * What a kernel's sum lies between, as low/q and high/q: 5·2^−23 for each exponential, 6u·d for its argument, what is flushed and
   * what was cut off here, and γ for the additions.
   */
  private ends(): { low: bigint; high: bigint; q: bigint } {
    const slack = ((5n * this.total) >> 23n) + ((6n * this.weighted) >> 24n) + 8n * this.terms + 8n;
    const n = this.terms + 3n;
    const q = (1n << 24n) - n;
    return { low: (this.total - slack) * (q - n), high: (this.total + slack) * (q + n), q };
  }
}

/** e^−d = f·2^−(k + 1), f in units of 2^−64 and within 2^−40 of its value. */
function expNegative(d: bigint): { f: bigint; k: bigint } {
  const k = d / LN2;
  const r = (LN2 - (d % LN2)) >> 32n;
  let f = 0n;
  for (const coefficient of SERIES) f = coefficient + ((f * r) >> 64n);
  return { f, k };
}

/** ln of a number of at least ½ in units of 2^−128. */
function logOf(x: bigint): bigint {
  const bits = bitLength(x) - 1;
  return logFixed(x >> BigInt(bits - 96), bits - 128);
}

function signedFixed(x: number): bigint {
  const magnitude = fixedOf(Math.abs(x));
  return x < 0 ? -magnitude : magnitude;
}

function roundedTo(y: bigint, up: boolean): number {
  return roundBig(y < 0n, y < 0n ? -y : y, -96, false, up);
}
