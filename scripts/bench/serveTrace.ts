import type { Program } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import { treeVerifier } from "../../runtime/network/blobs/treeVerifier.ts";
import { createIdentity } from "../../runtime/network/identity.ts";
import { createNetwork, type Network } from "../../runtime/network/createNetwork.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { createExpansions } from "../../runtime/serving/createExpansions.ts";
import { fetchInner } from "../../runtime/serving/fetchInner.ts";
import { fetchTrace } from "../../runtime/serving/fetchTrace.ts";
import { traceSource } from "../../runtime/serving/traceSource.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";

/** A trace that one node of this process serves to another over loopback. */
export interface ServedTrace {
  fetch(program: Program, own: readonly CommittedTensor[]): Promise<{ trace: CommittedTensor[]; inner: (block: number) => Promise<CommittedTensor[]> }>;
  close(): Promise<void>;
}

export async function serveTrace(loaded: LoadedProgram, trace: Trace): Promise<ServedTrace> {
  const [server, client] = await Promise.all([startNode(), startNode()]);
  const stored = { jobKey: "bench", programRoot: trace.programRoot, inputRoot: trace.inputRoot, traceRoot: trace.traceRoot, outputRoot: trace.outputRoot, bytes: 0 };
  server.blobs.serve(
    traceSource({
      openTensor(root) {
        const tensor = [...trace.tensors, ...trace.inputs].find((one) => one.root === root);
        return tensor && { root, byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
      },
      openList: (root, domain) => (domain === "trace" && root === trace.traceRoot ? new Uint8Array(Buffer.concat(trace.tensors.map((tensor) => Buffer.from(tensor.root.slice(2), "hex")))) : undefined),
    }),
  );
  server.blobs.serve(createExpansions({ programs: { open: async () => loaded }, traces: { list: () => [stored], get: async () => trace } }).source);
  // As an announcement has told them.
  const peers = server.addresses();
  return {
    async fetch(program, own) {
      const source = { network: client, peers, program, traceRoot: trace.traceRoot, signal: new AbortController().signal };
      return { trace: await fetchTrace({ ...source, own }), inner: async (blockIndex) => (await fetchInner({ ...source, blockIndex })).tensors };
    },
    async close() {
      await Promise.all([server.stop(), client.stop()]);
    },
  };
}

async function startNode(): Promise<Network> {
  const network = createNetwork({ listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap: [], identityKey: await createIdentity() }, { logger: silentLogger(), verify: treeVerifier });
  await network.start();
  return network;
}
