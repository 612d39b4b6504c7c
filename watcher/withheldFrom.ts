import type { Job } from "../runtime/chain/types.ts";

/**
 * Seconds for which a watcher itself must have asked for a trace in vain, however long ago the commitment was: it may have been started, or connected, just
 * now, and executors repeat where a trace is served once a minute.
 */
const MIN_ASKING_SECONDS = 90;

/** How a watcher has tried to get a trace. */
export interface Asking {
  /** Chain time of its first request. */
  since: number;
  /** Whether any peer has answered the last one, be it with "no". */
  answered: boolean;
}

/**
 * From which second on a trace that cannot be had counts as withheld, which costs a bond where it is not: after the patience, and after this watcher itself
 * has asked for a while. A watcher whom nobody answers may be the one that is cut off, so it waits until a third of the challenge window is left, and nobody later than that.
 */
export function withheldFrom({ deadline, challengeWindow }: Pick<Job, "deadline" | "challengeWindow">, patienceSeconds: number, { since, answered }: Asking): number {
  const third = Math.floor(challengeWindow / 3);
  const patience = Math.min(patienceSeconds, third);
  const last = deadline - third;
  if (patience === 0) return deadline - challengeWindow;
  if (!answered) return last;
  return Math.max(deadline - challengeWindow + patience, Math.min(since + Math.min(patience, MIN_ASKING_SECONDS), last));
}
