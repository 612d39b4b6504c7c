import type { Town } from "./createTown.ts";

/** What a scene ends in. */
export interface Ending {
  /** wei that each party must have more (or less) than before, gas left out; a party that is not named has neither gained nor lost. */
  gains: Record<string, bigint>;
  burnt?: bigint;
  /** Parties on the adversary's side. */
  attackers: string[];
  /** What happened, for the table. */
  how: string;
  /** Seconds from the first commitment or claim that was attacked to its settlement. */
  seconds?: number;
}

/** Somebody who tries to gain, to harm, or to escape, against an honest executor and an honest watcher. */
export interface Adversary {
  name: string;
  /** What it tries. */
  aim: string;
  /** Part of `npm test`. */
  quick?: boolean;
  /** Plays to the end: everything that the scene began is settled. */
  play(town: Town): Promise<Ending>;
}
