import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { StagedDaemon, LogLine } from "../../../cli/commands/demo/createStage.ts";
import { openTheatre, type Theatre } from "../../../cli/commands/demo/theatre.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { createRpcCounter, type RpcCounter } from "./createRpcCounter.ts";
import { childrenOf, processSeconds } from "./processTime.ts";

/** A daemon of the ring, whose way to the chain is counted. */
export interface RingDaemon {
  name: string;
  daemon: StagedDaemon;
  rpc: RpcCounter;
  /** Processor seconds of the daemon and of its inference process. */
  seconds(): { daemon: number; inference: number };
}

/** A development chain with daemons as processes of their own, for measurements. */
export interface Ring {
  theatre: Theatre;
  /** Processor seconds of the chain's process. */
  chainSeconds(): number;
  start(kind: "executor" | "watcher", name: string, args: readonly string[], onLog?: (line: LogLine) => void): Promise<RingDaemon>;
  close(): Promise<void>;
}

export async function openRing(note: (text: string) => void): Promise<Ring> {
  const home = await mkdtemp(path.join(tmpdir(), "gainsay-bench-"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
  const theatre = await openTheatre({ home, env, logger: silentLogger(), onStep: note });
  const { stage } = theatre;
  const direct = String(stage.env["GAINSAY_RPC_URL"]);
  const counters: RpcCounter[] = [];
  // The command `devnet` is our only child so far, and the chain is its only one.
  const chainPids = childrenOf(process.pid).flatMap(childrenOf);
  return {
    theatre,
    chainSeconds: () => chainPids.reduce((sum, pid) => sum + processSeconds(pid), 0),
    async start(kind, name, args, onLog) {
      const rpc = await createRpcCounter(direct);
      counters.push(rpc);
      stage.set("GAINSAY_RPC_URL", rpc.url);
      const daemon = await stage.start(name, [kind, "start", "--threads", "1", "--name", name, "--key", name, "--log-level", "info", ...args], onLog).finally(() => stage.set("GAINSAY_RPC_URL", direct));
      return { name, daemon, rpc, seconds: () => ({ daemon: processSeconds(daemon.pid), inference: childrenOf(daemon.pid).reduce((sum, pid) => sum + processSeconds(pid), 0) }) };
    },
    async close() {
      await theatre.close();
      for (const counter of counters) counter.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
