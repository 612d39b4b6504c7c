import { tensorLeaves } from "../../../protocol/trees/tensorTree.ts";
import type { Network } from "../../../runtime/network/createNetwork.ts";
import type { Logger } from "../../../runtime/telemetry/createLogger.ts";
import { createLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createJournal, type Journal } from "./createJournal.ts";

/** A logger whose lines can be waited for under the name of the daemon. */
export function recordingLogger(journal: Journal, daemon: string): Logger {
  return createLogger({ level: "debug", pretty: false }, { write: (line: string) => journal.note(daemon, JSON.parse(line) as Record<string, unknown>) });
}

export const newJournal = (): Journal => createJournal(30_000);

/** Peers are the border of these tests: a network that nobody else is in, with `fetch` in place of what peers would send. */
export function lonelyNetwork(fetch: Network["blobs"]["fetch"] = () => Promise.reject(new Error("nobody is there"))): Network {
  return {
    peerId: "nobody",
    addresses: () => [],
    peers: () => [],
    onPeer: () => () => undefined,
    blobs: blobsBy(fetch),
    gossip: { publish: async () => undefined, subscribe: () => () => undefined },
    start: async () => undefined,
    stop: async () => undefined,
  } as unknown as Network;
}

/** Blobs that come one a request, as from peers of the older protocol. */
export function blobsBy(fetch: Network["blobs"]["fetch"]): Network["blobs"] {
  return {
    fetch,
    fetchHashed: async (...request) => {
      const bytes = await fetch(...request);
      return { bytes, leaves: tensorLeaves(bytes) };
    },
    fetchListed: async () => undefined,
    serve: () => () => undefined,
  };
}

/** A daemon at work in this process. */
export interface Running {
  stop(): Promise<void>;
}

export function runDaemon(run: (signal: AbortSignal) => Promise<void>): Running {
  const controller = new AbortController();
  const ended = run(controller.signal);
  // Whoever stops it learns of a failure; until then it must not count as unhandled.
  ended.catch(() => undefined);
  return {
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}
