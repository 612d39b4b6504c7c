import type { PeerTarget } from "./addresses.ts";
import { networkLimits } from "./limits.ts";
import type { NetworkLogger } from "./logger.ts";

export interface Bootstrapper {
  start(): void;
  stop(): void;
}

export interface BootstrapperDependencies {
  logger: NetworkLogger;
  isConnected(target: PeerTarget): boolean;
  connect(target: PeerTarget, signal: AbortSignal): Promise<unknown>;
}

/**
 * Keeps connections to the bootstrap peers: dials the missing ones at once and then again and again, with growing pauses for
 * those that stay away. (The bootstrap module of libp2p dials once, one second after the start; nodes that start before their
 * bootstrap peer, or outlive a restart of it, would stay alone.)
 */
export function createBootstrapper(targets: readonly PeerTarget[], dependencies: BootstrapperDependencies): Bootstrapper {
  const { logger, isConnected, connect } = dependencies;
  const { bootstrapIntervalMs, bootstrapBackoffMs } = networkLimits;
  let stopping: AbortController | undefined;
  const timers = new Set<NodeJS.Timeout>();

  function later(target: PeerTarget, pauseMs: number, signal: AbortSignal): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      void look(target, pauseMs, signal);
    }, pauseMs);
    timers.add(timer);
  }

  async function look(target: PeerTarget, pauseMs: number, signal: AbortSignal): Promise<void> {
    let next: number = bootstrapIntervalMs;
    if (!isConnected(target)) {
      try {
        await connect(target, signal);
        logger.info({ peer: target.peer.toString() }, "bootstrap peer connected");
      } catch (error) {
        next = Math.min(2 * pauseMs, bootstrapBackoffMs);
        if (!signal.aborted) logger.debug({ peer: target.peer.toString(), error }, "bootstrap peer not reached");
      }
    }
    if (!signal.aborted) later(target, next, signal);
  }

  return {
    start() {
      stopping ??= new AbortController();
      for (const target of targets) void look(target, bootstrapIntervalMs, stopping.signal);
    },
    stop() {
      stopping?.abort();
      stopping = undefined;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
