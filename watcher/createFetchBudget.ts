import { GainsayError } from "../protocol/errors.ts";
import type { Program } from "../protocol/program/types.ts";
import { tensorByteLength } from "../runtime/inference/tensorTypes.ts";
import { withDeadline } from "../runtime/network/withDeadline.ts";

/** Milliseconds that do not depend on the size: connections, and blocks that the executor runs again for what is inside of them. */
const FIXED_MS = 60_000;
/** Bytes a second that every peer is expected to send. */
const LEAST_BYTES_PER_SECOND = 64 * 1024;

/** Time for several fetches together. */
export interface FetchBudget {
  /** Runs a fetch in what is left of the time. Throws `TRACE_TOO_SLOW` or `INPUT_TOO_SLOW` (retryable) when that is over, and what the fetch throws. */
  within<T>(fetch: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/**
 * Milliseconds in which whatever was computed of a program must have come: every result at 64 KiB a second and a minute more, but at most a third of the
 * challenge window. Whoever serves every byte right and late would otherwise keep a check going until nobody can dispute any more.
 */
export function fetchTimeMs({ steps }: Pick<Program, "steps">, challengeWindow: number): number {
  const bytes = steps.reduce((sum, { result }) => sum + tensorByteLength(result.dtype, result.shape), 0);
  return Math.min((challengeWindow * 1000) / 3, FIXED_MS + (bytes / LEAST_BYTES_PER_SECOND) * 1000);
}

/** Milliseconds in which a job's input must have come: at the same rate, and at most a quarter of the challenge window, since the trace comes after it. */
export function inputTimeMs({ inputs }: Pick<Program, "inputs">, challengeWindow: number): number {
  const bytes = inputs.reduce((sum, { dtype, shape }) => sum + tensorByteLength(dtype, shape), 0);
  return Math.min((challengeWindow * 1000) / 4, FIXED_MS + (bytes / LEAST_BYTES_PER_SECOND) * 1000);
}

export function createFetchBudget(milliseconds: number, what: "trace" | "input" = "trace"): FetchBudget {
  let left = milliseconds;
  return {
    async within(fetch, signal) {
      const started = performance.now();
      const onTimeout = (): GainsayError => new GainsayError(`What is served of the ${what} comes too slowly to be checked in time.`, { code: what === "trace" ? "TRACE_TOO_SLOW" : "INPUT_TOO_SLOW", retryable: true, details: { milliseconds } });
      try {
        return await withDeadline(fetch, { timeoutMs: Math.max(0, left), signal, onTimeout });
      } finally {
        left -= performance.now() - started;
      }
    },
  };
}
