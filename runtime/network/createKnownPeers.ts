import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { groupByPeer, isPeerAddress, parseTarget } from "./addresses.ts";
import type { Network } from "./createNetwork.ts";
import { networkLimits } from "./limits.ts";
import type { NetworkLogger } from "./logger.ts";

const fileSchema = z.object({ addresses: z.array(z.string().max(networkLimits.maxAddressBytes).refine(isPeerAddress)).max(networkLimits.maxKnownPeers * networkLimits.maxAddressesPerPeer) });

/** Milliseconds between writes. */
const WRITE_INTERVAL_MS = 60_000;

export interface KnownPeers {
  /** Dials the peers of the last run, and begins to write down those of this one. Resolves when the dials have ended. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Remembers across restarts which peers were connected, so that a node comes back without its bootstrap peers. The network must run. */
export function createKnownPeers(file: string, network: Pick<Network, "dial" | "neighbours">, logger: NetworkLogger, intervalMs = WRITE_INTERVAL_MS): KnownPeers {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let known: string[] = [];

  const write = async (): Promise<void> => {
    // Those that are connected first; then those of before, which may come back.
    const targets = groupByPeer([...(await network.neighbours()).filter(isPeerAddress), ...known]).slice(0, networkLimits.maxKnownPeers);
    const addresses = targets.flatMap((target) => target.addresses.map(String).filter(isPeerAddress));
    if (addresses.join() === known.join()) return;
    known = addresses;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.tmp`, `${JSON.stringify({ addresses })}\n`);
    await rename(`${file}.tmp`, file);
  };
  const tryWrite = (): Promise<void> => write().catch((error: unknown) => logger.warn({ error }, "known peers not written down"));

  return {
    async start() {
      try {
        known = fileSchema.parse(JSON.parse(await readFile(file, "utf8"))).addresses;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") logger.warn({ file }, "file of known peers is damaged and will be replaced");
      }
      // A daemon that could not start may have stopped it meanwhile.
      if (stopping.signal.aborted) return;
      timer = setInterval(() => void tryWrite(), intervalMs);
      const once = [...new Map(known.map((address) => [String(parseTarget(address).peer), address])).values()];
      await Promise.allSettled(once.slice(0, networkLimits.knownPeersDialled).map((address) => network.dial(address, { signal: stopping.signal })));
    },
    async stop() {
      stopping.abort();
      clearInterval(timer);
      await tryWrite();
    },
  };
}
