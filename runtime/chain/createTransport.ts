import { custom, fallback, type Transport } from "viem";
import { createRpcRequest } from "./createRpcRequest.ts";

export interface TransportOptions {
  rpcUrls: readonly string[];
  /** Milliseconds for one request. */
  timeoutMs?: number;
  /** Further tries of one request at one endpoint. */
  retries?: number;
}

/** HTTP endpoints in the given order: the next one is asked where the one before does not answer. */
export function createTransport(options: TransportOptions): Transport {
  const each = options.rpcUrls.map((url) => createEndpoint(url, options));
  const first = each[0];
  // Ranking would prefer the endpoint that answers fastest, which may be the one whose head is oldest.
  return each.length === 1 && first !== undefined ? first : fallback(each, { rank: false, retryCount: 0 });
}

/** One endpoint. */
export function createEndpoint(url: string, options: Omit<TransportOptions, "rpcUrls">): Transport {
  return custom({ request: createRpcRequest(url, { timeoutMs: options.timeoutMs ?? 10_000 }) }, { retryCount: options.retries ?? 2, retryDelay: 150 });
}

/** Scheme, host and port: the path and the user part of an RPC URL often hold its secret. */
export function endpointName(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    return "(not a URL)";
  }
}
