import { BaseError, ExecutionRevertedError, HttpRequestError, InsufficientFundsError, TimeoutError } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { revertError } from "./revertError.ts";

/**
 * Turns what viem throws into the project's error: `CHAIN_UNREACHABLE`, `CONTRACT_REVERTED`, `CHAIN_NO_FUNDS` or `CHAIN_FAILED`.
 * viem's error is not kept as the cause: its message repeats the endpoint's URL, which often holds a secret, and the whole request.
 */
export function chainError(error: unknown): GainsayError {
  if (error instanceof GainsayError) return error;
  const data = revertData(error);
  if (data !== undefined) return revertError(data);
  if (isInsufficientFunds(error)) {
    return new GainsayError("The account has too little money for the transaction; send it some.", { code: "CHAIN_NO_FUNDS", kind: "usage" });
  }
  if (isUnreachable(error)) {
    return new GainsayError("The chain's RPC endpoint does not answer; check that the node runs and that the URL is right.", {
      code: "CHAIN_UNREACHABLE",
      retryable: true,
      details: { reason: reasonOf(error) },
    });
  }
  return new GainsayError(`The chain's RPC endpoint refused the request: ${reasonOf(error)}.`, { code: "CHAIN_FAILED", retryable: true });
}

/** True for failures of the connection, after which nobody knows whether the request arrived. */
export function isUnreachable(error: unknown): boolean {
  return find(error, (cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError || /fetch failed|ECONN|socket|network/i.test(text(cause))) !== undefined;
}

export function isInsufficientFunds(error: unknown): boolean {
  return find(error, (cause) => cause instanceof InsufficientFundsError || /insufficient funds|doesn't have enough funds|exceeds (the )?balance/i.test(text(cause))) !== undefined;
}

/** Whether a node refused `eth_getLogs` because the range or the answer is too large. Providers agree on no code, only more or less on words. */
export function isRangeTooLarge(error: unknown): boolean {
  return !isRateLimited(error) && /range|too (many|large|big)|limit|exceed|10000|size/i.test(reasonOf(error));
}

/** Whether a node refused because it is asked too often, for which smaller ranges are no remedy: they are more requests. */
export function isRateLimited(error: unknown): boolean {
  const says = (value: number): boolean => find(error, (cause) => (cause as { code?: unknown }).code === value || (cause as { status?: unknown }).status === value) !== undefined;
  const reason = reasonOf(error);
  if (says(429) || /rate.?limit|too many requests|throttl|compute units|(\bper|\/) ?(s|sec|second|minute|hour|day)\b/i.test(reason)) return true;
  // The rest may be said of a range as well, and providers use this code for both.
  return !/range|blocks?\b|results|logs|size/i.test(reason) && (/requests? (count|rate|limit)|capacity|quota/i.test(reason) || (says(-32005) && /requests?\b/i.test(reason)));
}

/** The message of the innermost known cause, on one line and without the URL and body that viem's long message repeats. */
export function reasonOf(error: unknown): string {
  let reason = error instanceof Error ? error.message : String(error);
  find(error, (cause) => {
    if (cause instanceof BaseError) reason = cause.details || cause.shortMessage;
    else if (cause instanceof Error) reason = cause.message;
    return false;
  });
  return reason.split("\n", 1)[0]?.replace(/\.$/, "").slice(0, 200) ?? "unknown";
}

/** The bytes a contract reverted with, or undefined if the error is not a revert. Nodes put them in different places. */
export function revertData(error: unknown): Hex | undefined {
  const carrier = find(error, (cause) => rawData(cause) !== undefined);
  if (carrier !== undefined) return rawData(carrier);
  const reverted = find(error, (cause) => cause instanceof ExecutionRevertedError || /execution reverted|reverted (without|with)/i.test(text(cause)));
  return reverted === undefined ? undefined : "0x";
}

function rawData(cause: unknown): Hex | undefined {
  if (typeof cause !== "object" || cause === null || !("data" in cause)) return undefined;
  const inner = typeof cause.data === "object" && cause.data !== null && "data" in cause.data ? cause.data.data : cause.data;
  return typeof inner === "string" && /^0x[0-9a-fA-F]*$/.test(inner) ? (inner as Hex) : undefined;
}

function text(cause: unknown): string {
  if (cause instanceof BaseError) return `${cause.shortMessage} ${cause.details}`;
  return cause instanceof Error ? cause.message : "";
}

function find(error: unknown, test: (cause: unknown) => boolean): unknown {
  for (let cause = error, depth = 0; cause !== undefined && cause !== null && depth < 16; depth++) {
    if (test(cause)) return cause;
    cause = typeof cause === "object" && "cause" in cause ? cause.cause : undefined;
  }
  return undefined;
}
