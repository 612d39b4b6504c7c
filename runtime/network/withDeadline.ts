import { GainsayError } from "../../protocol/errors.ts";
import { deferred } from "./deferred.ts";

/** The error of an operation whose caller withdrew it. */
export function aborted(signal: AbortSignal): GainsayError {
  return new GainsayError("The operation was aborted by its caller.", { code: "ABORTED", cause: signal.reason, retryable: true });
}

/**
 * Runs an operation that takes an AbortSignal under a time limit and the caller's own signal, and settles when either fires
 * even if the operation does not listen.
 * @throws GainsayError `ABORTED` if the caller's signal fired, or what `onTimeout` makes after `timeoutMs` milliseconds.
 */
export async function withDeadline<T>(
  operation: (signal: AbortSignal) => Promise<T>,
  options: { timeoutMs: number; signal?: AbortSignal | undefined; onTimeout: () => GainsayError },
): Promise<T> {
  const { timeoutMs, signal, onTimeout } = options;
  if (signal?.aborted === true) throw aborted(signal);
  const controller = new AbortController();
  const { promise: stopped, reject } = deferred<never>();
  const stop = (error: GainsayError) => {
    reject(error);
    controller.abort(error);
  };
  const onAbort = () => stop(aborted(signal as AbortSignal));
  const timer = setTimeout(() => stop(onTimeout()), timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([operation(controller.signal), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
