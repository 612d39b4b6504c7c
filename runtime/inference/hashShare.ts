import { performance } from "node:perf_hooks";

/** Milliseconds after which the share is set anew, and how busy a process is is measured anew. */
const WINDOW_MS = 5;
/** How far the share follows the difference of the two. */
const PACE = 0.3;

/** How much of the hashing of outputs the inference process does itself: as much as makes both processes equally busy. */
export interface HashShare {
  /** Counts the time for which the process waited before a request. */
  waited(milliseconds: number): void;
  /** Takes note of how busy the daemon is, from 0 to 1. */
  compare(daemon: number): void;
  /** How many of the outputs of these lengths in bytes the process hashes: the first ones, so that what is left to the daemon lies in one piece. */
  takes(lengths: readonly number[]): number;
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
    compare(daemon) {
      const elapsed = now() - since;
      if (elapsed < WINDOW_MS) return;
      const own = 1 - Math.min(1, idle / elapsed);
      share = Math.min(1, Math.max(0, share + PACE * (daemon - own)));
      since += elapsed;
      idle = 0;
    },
    takes(lengths) {
      for (const length of lengths) credit += share * length;
      let taken = 0;
      for (const length of lengths) {
        if (credit < length) break;
        credit -= length;
        taken++;
      }
      return taken;
    },
  };
}

/** Tells how busy this thread's event loop has been of late, from 0 to 1. */
export function createBusyness(): () => number {
  let before = performance.eventLoopUtilization();
  let since = performance.now();
  let busy = 0;
  return () => {
    const now = performance.now();
    if (now - since < WINDOW_MS) return busy;
    const current = performance.eventLoopUtilization();
    busy = performance.eventLoopUtilization(current, before).utilization;
    before = current;
    since = now;
    return busy;
  };
}
