import type { Trace } from "../../../runtime/inference/trace.ts";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork } from "../../../runtime/network/createNetwork.ts";
import { createIdentity } from "../../../runtime/network/identity.ts";
import { publishLocalPeer } from "../../../runtime/network/localPeers.ts";
import { traceSource } from "../../../runtime/serving/traceSource.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

/** The adversaries' node in the network: whoever is connected may fetch what is served. */
export interface Peer {
  serve(trace: Trace): void;
  stop(): Promise<void>;
}

/** Must be there before the daemons start, which find it in their data folder. */
export async function openPeer(home: string): Promise<Peer> {
  const served: Trace[] = [];
  const network = createNetwork({ listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap: [], identityKey: await createIdentity() }, { logger: silentLogger(), verify: treeVerifier });
  await network.start();
  const unpublish = await publishLocalPeer(home, "adversaries", network.addresses());
  network.blobs.serve(
    traceSource({
      openTensor: (root) => {
        const tensor = served.flatMap(({ tensors, inputs }) => [...tensors, ...inputs]).find((one) => one.root === root);
        return tensor === undefined ? undefined : { root, byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
      },
      openList: (root, domain) => {
        const trace = domain === "trace" ? served.find(({ traceRoot }) => traceRoot === root) : undefined;
        return trace === undefined ? undefined : new Uint8Array(Buffer.concat(trace.tensors.map((tensor) => Buffer.from(tensor.root.slice(2), "hex"))));
      },
    }),
  );
  return {
    serve: (trace) => void served.push(trace),
    async stop() {
      await unpublish();
      await network.stop();
    },
  };
}

