import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import { createSlots } from "../runtime/network/blobs/createSlots.ts";
import { withDeadline } from "../runtime/network/withDeadline.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/** Milliseconds that a check waits for a bundle before it gives its place to others; the fetch goes on meanwhile. */
const WAIT_MS = 10_000;
/** Milliseconds that no bundle may take, however long the challenge window is. */
const MAX_BUNDLE_MS = 1_200_000;
/** Bundles at once: a bundle may take a gigabyte of memory while it comes, and one that comes slowly must not keep all others waiting. */
const BUNDLES_AT_ONCE = 3;

/** Fetches of bundles, whoever asks for them: a few at a time, and each bundle once for all that need it. */
export interface BundleFetches {
  /**
   * Resolves once `fetch` has put the bundle in its place, or another one's for the same root has that is under way. `signal` ends what it started. Throws
   * `BUNDLE_NOT_YET` (retryable) where it takes long, `BUNDLE_TOO_SLOW` (retryable) where it took longer than a quarter of the challenge window, in seconds, and
   * what the fetch throws.
   */
  fetch(root: Hex, challengeWindow: number, fetch: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** Milliseconds for a bundle, whose size nobody knows before. */
export function bundleTimeMs(challengeWindow: number): number {
  return Math.min((challengeWindow * 1000) / 4, MAX_BUNDLE_MS);
}

export function createBundleFetches({ logger }: { logger: Pick<Logger, "warn"> }, { waitMs = WAIT_MS } = {}): BundleFetches {
  const underWay = new Map<Hex, { done: Promise<void>; waiting: number }>();
  const slots = createSlots(BUNDLES_AT_ONCE);

  const begin = (root: Hex, timeoutMs: number, fetch: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) => {
    const onTimeout = (): GainsayError => new GainsayError("The bundle of a program comes too slowly to check its jobs in time.", { code: "BUNDLE_TOO_SLOW", retryable: true, details: { programRoot: root, milliseconds: timeoutMs } });
    const begun = { done: slots.run("bundle", () => withDeadline(fetch, { timeoutMs, signal, onTimeout })), waiting: 0 };
    underWay.set(root, begun);
    void begun.done
      .catch((error: unknown) => {
        // Whoever waits says it.
        if (begun.waiting === 0 && !signal.aborted) logger.warn({ program: root, code: error instanceof GainsayError ? error.code : "UNEXPECTED", reason: error instanceof Error ? error.message : String(error) }, "bundle not fetched");
      })
      .finally(() => underWay.delete(root));
    return begun;
  };

  return {
    async fetch(root, challengeWindow, fetch, signal) {
      const wanted = underWay.get(root) ?? begin(root, bundleTimeMs(challengeWindow), fetch, signal);
      const onTimeout = (): GainsayError => new GainsayError("The bundle of a job's program is still being fetched; its result is checked once it is here.", { code: "BUNDLE_NOT_YET", retryable: true, details: { programRoot: root } });
      wanted.waiting++;
      try {
        await withDeadline(() => wanted.done, { timeoutMs: waitMs, signal, onTimeout });
      } finally {
        wanted.waiting--;
      }
    },
  };
}
