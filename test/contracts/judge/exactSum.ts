import { integerOf, isSubnormal } from "../../protocol/judge/reference.ts";

/** 2^298, the scale of all sums here. */
const SCALE = 298n;
/** Where rounding to nearest gives infinity: 2^128 − 2^103. */
const OVERFLOW = ((1n << 128n) - (1n << 103n)) << SCALE;

/**
 * Which values of a sum of products and addends, divided by `count`, are sound by docs/protocol.md §5, infinities and NaN included;
 * `n` is the number of roundings a term may meet. Rationals over q = 2^24 − n throughout.
 */
export function boundOf(products: readonly (readonly [number, number])[], addends: readonly number[], n: number, count: number): (y: number) => boolean {
  const isInfinite = (a: number) => Math.abs(a) === Infinity;
  const overInfinity = products.filter(([a, b]) => isInfinite(a) || isInfinite(b));
  const nan = products.flat().concat(addends).some(Number.isNaN) || overInfinity.some(([a, b]) => a === 0 || b === 0);
  const signs = [...overInfinity.map(([a, b]) => Math.sign(a) * Math.sign(b)), ...addends.filter(isInfinite).map(Math.sign)];
  const [plus, minus] = [signs.includes(1), signs.includes(-1)];
  if (nan || (plus && minus)) return Number.isNaN;
  let [p, m, d] = [0n, 0n, 0n];
  const take = (term: bigint, flushable: boolean) => {
    if (term > 0n) p += term;
    else m -= term;
    if (flushable) d += term < 0n ? -term : term;
  };
  for (const [a, b] of products) if (!isInfinite(a) && !isInfinite(b)) take(integerOf(a) * integerOf(b), isSubnormal(a) || isSubnormal(b));
  for (const a of addends) if (!isInfinite(a)) take(integerOf(a) << 149n, isSubnormal(a));
  const q = (1n << 24n) - BigInt(n);
  const underflow = (3n * BigInt(n)) << (SCALE - 126n);
  const overflows = (x: bigint) => x * (1n << 24n) + q * underflow >= q * OVERFLOW;
  const flushedInfinity = overInfinity.some(([a, b]) => isSubnormal(a) || isSubnormal(b));
  return (y) => {
    if (Number.isNaN(y)) return flushedInfinity || ((plus || overflows(p)) && (minus || overflows(m)));
    if (y === Infinity) return plus || (!minus && overflows(p));
    if (y === -Infinity) return minus || (!plus && overflows(m));
    if (plus || minus) return false;
    const c = BigInt(count);
    const distance = c * (integerOf(y) << 149n) - (p - m);
    return (distance < 0n ? -distance : distance) * q <= BigInt(n) * (p + m) + q * (d + c * underflow);
  };
}
