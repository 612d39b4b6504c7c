import { createInterface } from "node:readline";
import { toHex } from "../../protocol/hex.ts";
import { tensorLeaves, tensorRoot } from "../../protocol/trees/tensorTree.ts";
import { treeVerifier } from "../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork, type NetworkOptions } from "../../runtime/network/createNetwork.ts";
import { createIdentity } from "../../runtime/network/identity.ts";

// One node in a network namespace: it serves one tensor, and fetches it from the address of a line.
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const log = (fields: object, message: string): void => say({ log: message, ...fields });
const options = JSON.parse(process.argv[2] ?? "{}") as Partial<NetworkOptions>;
const network = createNetwork({ listen: [], bootstrap: [], identityKey: await createIdentity(), ...options }, { logger: { debug: () => undefined, info: log, warn: log, error: log }, verify: treeVerifier });
const data = new Uint8Array(1_000_000).map((_, i) => (i * 7 + (i >> 8)) & 255);
const name = { kind: "tensor", root: toHex(tensorRoot(data)) } as const;
network.blobs.serve({ open: async ({ root }) => (root === name.root ? { byteLength: data.length, leaves: async () => tensorLeaves(data), read: async (offset, length) => data.subarray(offset, offset + length) } : undefined) });
await network.start();
say({ ready: network.peerId, addresses: network.addresses() });
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "?") return say({ addresses: network.addresses() });
  const started = performance.now();
  network.blobs.fetch(name, [line]).then(
    (bytes) => say({ fetched: bytes.length, ms: Math.round(performance.now() - started) }),
    (error: unknown) => say({ failed: String(error) }),
  );
});
process.on("SIGTERM", () => void network.stop().then(() => process.exit(0)));
