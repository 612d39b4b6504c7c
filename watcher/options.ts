/** What a watcher does about a wrong result: only says so in its log, warns its peers, or disputes it on chain. */
export const watcherModes = ["observe", "alert", "dispute"] as const;
export type WatcherMode = (typeof watcherModes)[number];

/** What is done on chain about a withheld trace whose root differs from the own one; `auto` chooses between the first two. */
export const withheldAnswers = ["auto", "demand", "bisect", "alert"] as const;
export type WithheldAnswer = (typeof withheldAnswers)[number];

/**
 * Deviations up to here are what other kernels make of a block honestly (docs/execution.md). The judge admits more than that of a single sum of a few hundred
 * terms.
 */
export const DEFAULT_TOLERANCE = 2 ** -16;

/** Bounds of one dispute by demands. */
export interface DemandBudget {
  /** Elements demanded. */
  demands: number;
  /** Bonds at stake together, wei. */
  wei: bigint;
}

export interface WatcherOptions {
  mode: WatcherMode;
  /** Seconds after a commitment for which its trace may stay unavailable before it counts as withheld. */
  patienceSeconds: number;
  /**
   * `bisect` convicts for certain if the executor's floats are this watcher's, and loses its bond where they are not. `demand` needs no equal
   * floats and sees the lies that reach an output. `auto` bisects where an earlier trace of the same executor and program was
   * equal to the own one, and demands elsewhere. `alert` only logs.
   */
  onWithheld: WithheldAnswer;
  demandBudget: DemandBudget;
  /** How far what a block posts may be from what follows from the tensors it reads, in units of the tensor's largest number, before its inner trace is asked for. */
  tolerance: number;
  /** Whether commitments found equal or sound are defended when their executor leaves half of its clock unused. */
  defendOthers: boolean;
  /** Commitments checked at once. */
  concurrency: number;
  /** Share of the commitments that is checked, from 0 to 1; all without it. */
  sampleRate?: number;
}
