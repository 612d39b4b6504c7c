/** A seeded source of random numbers; equal seeds give equal sequences on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
  /** Uniform integer in [0, count). */
  below(count: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
}

/**
 * Creates a generator from a seed and a stream number, both taken modulo 2^32.
 * The core is sfc32 (Doty-Humphrey, PractRand): 128 bits of state, so that streams of different seeds do not overlap
 * in practice. A generator with 32 bits of state would make "held out" an empty word: all its seeds share one cycle.
 */
export function createRandom(seed: number, stream = 0): Random {
  let a = seed | 0;
  let b = stream | 0;
  let c = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0;
  let counter = 1;

  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs of sfc32 still show the seed.
  for (let round = 0; round < 16; round++) next();

  return {
    next,
    uniform: (low, high) => low + (high - low) * next(),
    // Box–Muller; 1 − u keeps the logarithm away from zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    below: (count) => Math.floor(next() * count),
    chance: (probability) => next() < probability,
  };
}
