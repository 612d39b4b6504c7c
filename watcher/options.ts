/** What a watcher does about a wrong result: only says so in its log, warns its peers, or disputes it on chain. */
export const watcherModes = ["observe", "alert", "dispute"] as const;
export type WatcherMode = (typeof watcherModes)[number];

export interface WatcherOptions {
  mode: WatcherMode;
  /** Seconds after a commitment for which its trace may stay unavailable before it counts as withheld. */
  patienceSeconds: number;
  /** Whether a withheld trace whose root differs from the own one is disputed by bisection. */
  disputeWithheld: boolean;
  /** Whether commitments found equal are defended when their executor leaves half of its clock unused. */
  defendOthers: boolean;
  /** Commitments checked at once. */
  concurrency: number;
}
