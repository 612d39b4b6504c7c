/** Milliseconds after which the share is set anew. */
const WINDOW_MS = 4;
/** Part of the time in which a process waits that is as good as busy. */
const BUSY = 0.05;
/** How far the share follows the time in which the process waited. */
const PACE = 0.5;

/**
 * How much of the hashing of outputs the inference process does itself. When it has to wait for requests, the daemon is behind with its part of the hashing, or there
 * is nothing else to do: it takes more of it. When requests are there already it takes less. So with a queue of jobs, both are busy all the time.
 */
export interface HashShare {
  /** Counts the time for which the process waited before a request. */
  waited(milliseconds: number): void;
  /** Whether the process hashes these bytes. */
  takes(bytes: number): boolean;
}

/** Makes the share, which begins with nothing; `now` gives milliseconds. */
export function createHashShare(now: () => number): HashShare {
  let share = 0;
  let credit = 0;
  let since = now();
  let idle = 0;
  return {
    waited(milliseconds) {
      idle += milliseconds;
    },
    takes(bytes) {
      const elapsed = now() - since;
      if (elapsed >= WINDOW_MS) {
        share = Math.min(1, Math.max(0, share + PACE * (Math.min(1, idle / elapsed) - BUSY)));
        since += elapsed;
        idle = 0;
      }
      credit += share * bytes;
      if (credit < bytes) return false;
      credit -= bytes;
      return true;
    },
  };
}
