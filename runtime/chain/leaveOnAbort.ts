import { GainsayError } from "../../protocol/errors.ts";

/** Lets the caller go at once when it aborts while it still waits for its turn, or for the inclusion. Throws `ABORTED`. */
export function leaveOnAbort<T>(turn: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(aborted());
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    turn.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

export function aborted(): GainsayError {
  return new GainsayError("The transaction was given up before it was included.", { code: "ABORTED" });
}
