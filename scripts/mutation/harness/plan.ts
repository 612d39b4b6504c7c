/** What a process of a mutation run is asked to do. */
export interface Plan {
  /** Gathered test files, cheapest first, and where the rehearsal of each is kept. */
  files: string[];
  rehearsals: string[];
  /** Whether to ask all tests, or quick ones for as long as `QUICK_MS`. */
  thorough: boolean;
  /** Where fates are added as they are found. */
  fates: string;
  /** The miner's address that makes the chain tell what is reached. */
  recorder: string;
  /** Mutants to try, each with what names it in later builds and the miner's address that turns it on; none asks for a rehearsal. */
  mutants: { id: number; key: string; file: string; miner: string }[];
}

/** Milliseconds, as rehearsed: where one is not asked to be thorough, what a test may take, and all that a mutant is put before. */
export const SLOW_MS = 5_000;
export const QUICK_MS = 12_000;

/** A test as it goes without a mutant. */
export interface Rehearsed {
  file: string;
  name: string;
  ms: number;
  /** Fails without a mutant, because a build with hundreds of them is larger and dearer than the real one. */
  fails: boolean;
  /** Mutants that had a say in it, and in the hooks of the suites around it. */
  reached: number[];
  before: number[];
  /** Whether the tests of its file pass in any order, so that some can be run without the others. */
  independent: boolean;
}

/** What a test asks the judge, and the answer without a mutant. */
export interface Question {
  file: string;
  test: string;
  call: { from: string; to: string; data: string; gas: string };
  answer: string;
  /** The answer to the same before it was spoiled, where that is what the test does. */
  original: string | undefined;
  reached: number[];
  before: number[];
  ms: number;
}
