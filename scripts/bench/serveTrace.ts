import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Hex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { createIdentity } from "../../runtime/network/identity.ts";
import { createNetwork, type Network } from "../../runtime/network/createNetwork.ts";
import { treeVerifier } from "../../runtime/network/blobs/treeVerifier.ts";
import { fetchInner } from "../../runtime/serving/fetchInner.ts";
import { fetchTrace } from "../../runtime/serving/fetchTrace.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";

/** What `processes/traceServer.ts` says once it can be reached. */
export interface Serving {
  peers: string[];
  traceRoot: Hex;
  /** Whether its own execution has the bits that were expected. */
  same: boolean;
}

/** A trace that another process serves over loopback. */
export interface ServedTrace {
  same: boolean;
  /** Process id of the one that serves. */
  pid: number;
  fetch(program: Program, own: readonly CommittedTensor[]): Promise<{ trace: CommittedTensor[]; inner: (block: number) => Promise<CommittedTensor[]> }>;
  close(): Promise<void>;
}

/** Has the bundle in the folder executed and served by a process of its own; see `processes/traceServer.ts`. */
export async function serveTrace(folder: string, expected: Hex, nudge: boolean): Promise<ServedTrace> {
  const server = fork(fileURLToPath(new URL("processes/traceServer.ts", import.meta.url)), [folder, expected, nudge ? "nudge" : "exactly"]);
  const failed = once(server, "exit").then(([code]) => {
    throw new Error(`the process that serves a trace ended with ${String(code)}`);
  });
  const [[serving], client] = await Promise.all([Promise.race([once(server, "message") as Promise<[Serving]>, failed]), startNode()]);
  const { peers, traceRoot, same } = serving;
  failed.catch(() => undefined);
  return {
    same,
    pid: server.pid as number,
    async fetch(program, own) {
      const source = { network: client, peers, program, traceRoot, signal: new AbortController().signal };
      return { trace: await fetchTrace({ ...source, own }), inner: async (blockIndex) => (await fetchInner({ ...source, blockIndex })).tensors };
    },
    async close() {
      await client.stop();
      server.disconnect();
      if (server.exitCode === null) await once(server, "exit");
    },
  };
}

export async function startNode(): Promise<Network> {
  const network = createNetwork({ listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap: [], identityKey: await createIdentity() }, { logger: silentLogger(), verify: treeVerifier });
  await network.start();
  return network;
}
