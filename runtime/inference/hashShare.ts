import { performance, type Performance } from "node:perf_hooks";

/** Milliseconds after which the share is set anew, and how busy a process is is measured anew. */
const WINDOW_MS = 5;
/** How far the share follows the difference of the two. */
const PACE = 0.3;

/** Milliseconds without a run after which what was measured before says nothing of what comes, … */
const PAUSE_MS = 20;
/** … and what is said of the daemon then. */
const AFTER_PAUSE = -1;

/** How much of the hashing of outputs the inference process does itself: as much as makes both processes equally busy. */
export interface HashShare {
  /** Counts the time for which the process waited before a request. */
  waited(milliseconds: number): void;
  /** Takes note of how busy the daemon is, from 0 to 1, or that it had nothing to do for a while. */
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
      if (daemon === AFTER_PAUSE) {
        // The process was not busy either then, which is no reason to take more upon it.
        since += elapsed;
        idle = 0;
        return;
      }
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

/** How busy this thread's event loop has been of late. */
export interface Busyness {
  /** Says that a run begins; tells how busy the loop is, from 0 to 1, or that there was a pause. */
  begin(): number;
  /** Says that it is over. */
  end(): void;
}

/** Measures it; `clock` is that of the thread. */
export function createBusyness(clock: Pick<Performance, "now" | "eventLoopUtilization"> = performance): Busyness {
  let before = clock.eventLoopUtilization();
  let since = clock.now();
  let busy = 0;
  let runs = 0;
  let ended = -Infinity;
  return {
    begin() {
      const now = clock.now();
      const rested = runs++ === 0 && now - ended > PAUSE_MS;
      if (!rested && now - since < WINDOW_MS) return busy;
      const current = clock.eventLoopUtilization();
      if (!rested) busy = clock.eventLoopUtilization(current, before).utilization;
      before = current;
      since = now;
      return rested ? AFTER_PAUSE : busy;
    },
    end() {
      if (--runs === 0) ended = clock.now();
    },
  };
}
