/** Softmax of docs/protocol.md §5 in fixed point with 400 fractional bits, written from that page alone. */

const BITS = 400n;
const ONE = 1n << BITS;
const LN2 = 2n * artanh(ONE / 3n);

export interface Ends {
  lo: number;
  hi: number;
}

/**
 * What the page lets softmax (or its logarithm) of element x of a row with largest element m be, as floats to within their last
 * place. All of the row are finite or −∞, x is finite and at most m.
 */
export function softmaxEnds(row: readonly number[], x: number, logarithm: boolean): Ends {
  const m = Math.max(...row);
  let least = 0n;
  let greatest = 0n;
  for (const item of row) {
    const d = distance(m, item);
    const e = d === undefined ? 0n : expNegative(d);
    const slack = (e * ((5n << 1n) * ONE + 6n * (d ?? 0n))) / (ONE << 24n) + (ONE >> 125n);
    least += e - slack;
    greatest += e + slack;
  }
  const n = BigInt(row.length + 3);
  const q = (1n << 24n) - n;
  least = (least * (q - n)) / q;
  greatest = (greatest * (q + n)) / q;
  const d = distance(m, x) as bigint;
  if (logarithm) return logarithmEnds(d, least, greatest);
  const e = expNegative(d);
  const slack = (e * (((5n << 1n) + 8n) * ONE + 6n * d)) / (ONE << 24n);
  let lo = Number(((e - slack) << 160n) / greatest) * 2 ** -160;
  let hi = Number(((e + slack) << 160n) / least) * 2 ** -160;
  if (lo < 2 ** -100) lo = Math.max(0, lo - 3 * 2 ** -126);
  if (hi < 2 ** -100) hi += 3 * 2 ** -126;
  return { lo, hi };
}

function logarithmEnds(d: bigint, least: bigint, greatest: bigint): Ends {
  const [low, high] = [ln(least), ln(greatest)];
  const size = high < 0n ? -high : high;
  const slack = (size >> 20n) + (ONE >> 21n) + ((d + size) >> 22n);
  return { lo: toNumber(-d - high - slack), hi: toNumber(-d - low + slack) };
}

/** m − x, exact; undefined if infinite. */
function distance(m: number, x: number): bigint | undefined {
  return x === -Infinity ? undefined : fixed(m) - fixed(x);
}

function fixed(x: number): bigint {
  return BigInt(x * 2 ** 149) << (BITS - 149n);
}

function toNumber(x: bigint): number {
  return Number(x >> (BITS - 200n)) * 2 ** -200;
}

function expNegative(d: bigint): bigint {
  const k = d / LN2;
  if (k > BITS) return 0n;
  const r = d % LN2;
  let term = ONE;
  let sum = ONE;
  for (let j = 1n; term !== 0n; j++) {
    term = -(term * r) / ONE / j;
    sum += term;
  }
  return sum >> k;
}

function ln(x: bigint): bigint {
  let k = 0n;
  while (x >= 2n * ONE) (x >>= 1n), k++;
  while (x < ONE) (x <<= 1n), k--;
  return k * LN2 + 2n * artanh(((x - ONE) * ONE) / (x + ONE));
}

function artanh(z: bigint): bigint {
  let power = z;
  let sum = 0n;
  for (let j = 1n; power !== 0n; j += 2n) {
    sum += power / j;
    power = (((power * z) / ONE) * z) / ONE;
  }
  return sum;
}
