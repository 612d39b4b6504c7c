/** Repeatable pseudo-random numbers for choosing samples; no secrets hang on them. */
export interface Random {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** A number in [0, 1) with 32 random bits. */
  unit(): number;
}

/** Marsaglia's xorshift128 ("Xorshift RNGs", 2003), its state spread from the seed by Knuth's multiplicative hash. */
export function createRandom(seed: number): Random {
  const state = new Uint32Array(4);
  for (let i = 0, word = (seed ^ 0x9e3779b9) >>> 0; i < 4; i++) {
    word = (Math.imul(word ^ (word >>> 15), 2_654_435_761) + 0x6a09e667 + i) >>> 0;
    state[i] = word;
  }
  // All zeros would stay all zeros.
  state[3]! |= 1;
  const next = (): number => {
    const t = state[0]! ^ (state[0]! << 11);
    state.copyWithin(0, 1);
    state[3] = state[2]! ^ (state[2]! >>> 19) ^ t ^ (t >>> 8);
    return state[3]!;
  };
  for (let i = 0; i < 16; i++) next();
  const unit = (): number => next() / 2 ** 32;
  return { unit, below: (bound) => Math.floor(unit() * bound) };
}

/** Up to `wanted` of the numbers 0 … count − 1, ascending: the first, the last, and others at random. All of them if they are no more. */
export function chooseElements(count: number, wanted: number, random: Random): number[] {
  if (count <= wanted) return Array.from({ length: count }, (_, i) => i);
  const chosen = new Set<number>([0, count - 1].slice(0, wanted));
  while (chosen.size < wanted) chosen.add(random.below(count));
  return [...chosen].sort((a, b) => a - b);
}
