/** An independent reading of docs/protocol.md §5 in exact rationals, slow and literal; nothing here is shared with the judge. */

const UNIT = 2 ** 149;

/** A finite float32 in units of 2^−149. */
export function integerOf(value: number): bigint {
  return BigInt(value * UNIT);
}

export interface Terms {
  /** Pairs of factors. */
  products: readonly (readonly [number, number])[];
  addends: readonly number[];
}

/** Whether y is within the bound of finite terms: |y − S| ≤ γ_n·A + 3n·2^−126 + D, all scaled by 2^298·(2^24 − n). */
export function withinBound({ products, addends }: Terms, y: number): boolean {
  const n = BigInt(products.length + addends.length + 2);
  const q = (1n << 24n) - n;
  let sum = 0n;
  let magnitude = 0n;
  let flushable = 0n;
  const take = (term: bigint, subnormal: boolean) => {
    const size = term < 0n ? -term : term;
    sum += term;
    magnitude += size;
    if (subnormal) flushable += size;
  };
  for (const [a, b] of products) take(integerOf(a) * integerOf(b), isSubnormal(a) || isSubnormal(b));
  for (const addend of addends) take(integerOf(addend) << 149n, isSubnormal(addend));
  const distance = (integerOf(y) << 149n) - sum;
  const radius = n * magnitude + q * (((3n * n) << 172n) + flushable);
  return (distance < 0n ? -distance : distance) * q <= radius;
}

export function isSubnormal(value: number): boolean {
  return value !== 0 && Math.abs(value) < 2 ** -126;
}

/** A machine: how one IEEE implementation does its operations. */
export interface Machine {
  fused: boolean;
  flushInputs: boolean;
  flushOutputs: boolean;
}

/** Sums the terms in an order chosen by `choose(n)` in 0…n−1, as a tree of partial sums, with every rounding of the machine. */
export function simulate(terms: Terms, machine: Machine, choose: (n: number) => number): number {
  const daz = (value: number) => (machine.flushInputs && isSubnormal(value) ? 0 : value);
  const ftz = (value: number) => (machine.flushOutputs && isSubnormal(value) ? 0 : value);
  const add = (a: number, b: number) => ftz(Math.fround(daz(a) + daz(b)));
  const mul = (a: number, b: number) => ftz(Math.fround(daz(a) * daz(b)));
  const partial: number[] = [...terms.addends];
  const waiting = [...terms.products];
  while (waiting.length > 0) {
    const [a, b] = waiting.splice(choose(waiting.length), 1)[0] as readonly [number, number];
    if (machine.fused && partial.length > 0 && choose(4) > 0) {
      const into = choose(partial.length);
      partial[into] = ftz(fusedMultiplyAdd(daz(a), daz(b), daz(partial[into] as number)));
    } else {
      partial.push(mul(a, b));
    }
    if (partial.length > 1 && choose(3) > 0) combine(partial, add, choose);
  }
  while (partial.length > 1) combine(partial, add, choose);
  return partial[0] ?? 0;
}

function combine(partial: number[], add: (a: number, b: number) => number, choose: (n: number) => number): void {
  const a = partial.splice(choose(partial.length), 1)[0] as number;
  const into = choose(partial.length);
  partial[into] = add(a, partial[into] as number);
}

/** a·b + c with one rounding to nearest even, by exact integers where all is finite. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  if (!Number.isFinite(a) || !Number.isFinite(b) || !Number.isFinite(c)) return Math.fround(a * b + c);
  return nearest(integerOf(a) * integerOf(b) + (integerOf(c) << 149n), 298);
}

/** Float32 nearest to value·2^−scale, ties to even. */
export function nearest(value: bigint, scale: number): number {
  if (value === 0n) return 0;
  const negative = value < 0n;
  const magnitude = negative ? -value : value;
  const top = magnitude.toString(2).length - 1 - scale;
  const unit = Math.max(top - 23, -149);
  const shift = BigInt(unit + scale);
  if (shift <= 0n) return Math.fround(Number(value) * 2 ** -scale);
  let q = magnitude >> shift;
  const rest = magnitude - (q << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (q & 1n) === 1n)) q++;
  const result = Math.fround(Number(q) * 2 ** unit);
  return negative ? -result : result;
}
