import { createInterface } from "node:readline";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork } from "../../../runtime/network/createNetwork.ts";
import { createIdentity } from "../../../runtime/network/identity.ts";
import { topics } from "../../../runtime/network/topics.ts";
import { loopback, quiet, sourceOf, tensorSample } from "./helpers.ts";

// A node in a process of its own, so that its memory is its own. It says what it heard, and answers a line with its memory.
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const network = createNetwork({ listen: [loopback], bootstrap: [], identityKey: await createIdentity(), dht: { mode: "server", namespace: "test" }, relay: true }, { logger: quiet, verify: treeVerifier });
network.blobs.serve(sourceOf(tensorSample(4 * 1024 * 1024)));
network.gossip.subscribe({ ...topics.alerts, validate: async () => "accept" }, ({ jobId }) => say({ heard: Number(jobId) }));
await network.start();
say({ address: network.addresses()[0], peer: network.peerId });
createInterface({ input: process.stdin }).on("line", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  say({ rss, heapUsed, external, peers: network.peers().length });
});
