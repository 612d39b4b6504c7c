import type { Job } from "../runtime/chain/types.ts";
import type { Metrics } from "../runtime/telemetry/createMetrics.ts";
import type { Opinion } from "./verifyCommitment.ts";

/** Counts what a watcher finds. */
export interface WatcherMeter {
  /** One commitment checked in so many seconds. */
  opinion(kind: Opinion["kind"], seconds: number): void;
  /** The commitments that stand unchecked at a head of this second. */
  unverified(jobs: readonly Pick<Job, "deadline">[], now: number): void;
  /** A commitment that the sampling rate left out. */
  skipped(): void;
}

/** Registers the watcher's metrics; without metrics it counts nothing. */
export function createWatcherMeter(metrics: Metrics | undefined): WatcherMeter {
  if (metrics === undefined) return { opinion: () => undefined, unverified: () => undefined, skipped: () => undefined };
  const opinions = metrics.counter("opinions_total", "Commitments checked, by result: equal, sound, fraud or withheld.", ["kind"]);
  const seconds = metrics.histogram("verification_seconds", "Time from the start of a check to its result.", [], [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]);
  const waiting = metrics.gauge("jobs_unverified", "Commitments within their challenge window that this watcher has no opinion of yet.");
  const left = metrics.gauge("unverified_window_seconds", "Shortest challenge window left among those; NaN without one.");
  const skipped = metrics.counter("jobs_skipped_total", "Commitments left out by the sampling rate.");
  for (const kind of ["equal", "sound", "fraud", "withheld"]) opinions.inc({ kind }, 0);
  return {
    opinion(kind, took) {
      opinions.inc({ kind });
      seconds.observe(took);
    },
    unverified(jobs, now) {
      waiting.set(jobs.length);
      left.set(jobs.length === 0 ? Number.NaN : Math.min(...jobs.map(({ deadline }) => deadline - now)));
    },
    skipped: () => skipped.inc(),
  };
}
