import { randomBytes } from "node:crypto";
import type { PeerInfo } from "@libp2p/interface";
import type { PeerTarget } from "./addresses.ts";
import { networkLimits } from "./limits.ts";
import type { NetworkLogger } from "./logger.ts";

export interface Discoverer {
  start(): void;
  stop(): void;
}

export interface DiscovererDependencies {
  logger: NetworkLogger;
  /** Number of connected peers. */
  count(): number;
  isConnected(target: PeerTarget): boolean;
  /** Asks the table for the peers nearest to a key. */
  closest(key: Uint8Array, signal: AbortSignal): AsyncIterable<PeerInfo>;
  connect(target: PeerTarget, signal: AbortSignal): Promise<unknown>;
}

/** Looks for peers in the table while there are too few: walks to a random place in it, and dials whom it meets there. */
export function createDiscoverer({ logger, count, isConnected, closest, connect }: DiscovererDependencies): Discoverer {
  const { wantedPeers, lookIntervalMs, lookTimeoutMs, dialsPerLook } = networkLimits.dht;
  let stopping: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;

  const look = async (signal: AbortSignal): Promise<void> => {
    if (count() >= wantedPeers) return;
    const met: PeerTarget[] = [];
    const soon = AbortSignal.any([signal, AbortSignal.timeout(lookTimeoutMs)]);
    try {
      for await (const { id, multiaddrs } of closest(randomBytes(32), soon)) {
        const target = { peer: id, addresses: multiaddrs.slice(0, networkLimits.maxAddressesPerPeer) };
        if (!isConnected(target)) met.push(target);
        if (met.length >= dialsPerLook) break;
      }
    } catch (error) {
      if (!signal.aborted) logger.debug({ error }, "table of peers gave no answer");
    }
    // Addresses in the table come from strangers and may lack the peer's own name; the peer store has what identify told.
    await Promise.allSettled(met.map((target) => connect({ peer: target.peer, addresses: [] }, signal)));
  };

  const later = (pauseMs: number, signal: AbortSignal): void => {
    timer = setTimeout(() => {
      void look(signal).finally(() => {
        if (!signal.aborted) later(lookIntervalMs, signal);
      });
    }, pauseMs);
  };

  return {
    start() {
      stopping ??= new AbortController();
      later(Math.min(2_000, lookIntervalMs), stopping.signal);
    },
    stop() {
      stopping?.abort();
      stopping = undefined;
      clearTimeout(timer);
    },
  };
}
