import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { manifestHash } from "../../../runtime/bundle/bundleFiles.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { storeBundle } from "../../../runtime/bundle/storeBundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork, type Network } from "../../../runtime/network/createNetwork.ts";
import { createIdentity } from "../../../runtime/network/identity.ts";
import { bundleSource } from "../../../runtime/serving/bundleSource.ts";
import { fetchBundle } from "../../../runtime/serving/fetchBundle.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

const digits = path.join(import.meta.dirname, "..", "..", "..", "models", "digits", "digits.onnx");

describe("bundles from peers", () => {
  let home: string;
  let bundle: Bundle;
  let server: Network;
  let client: Network;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), "gainsay-bundles-"));
    const runner = createFoldRunner();
    bundle = await compileModel({ modelBytes: new Uint8Array(await readFile(digits)) }, { runner });
    runner.close();
    await storeBundle(path.join(home, "theirs"), bundle);
    const start = async (): Promise<Network> => {
      const network = createNetwork({ listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap: [], identityKey: await createIdentity() }, { logger: silentLogger(), verify: treeVerifier });
      await network.start();
      return network;
    };
    [server, client] = await Promise.all([start(), start()]);
    server.blobs.serve(bundleSource([path.join(home, "theirs")]));
  });

  afterAll(async () => {
    await Promise.all([server.stop(), client.stop()]);
    await rm(home, { recursive: true, force: true });
  });

  const fetchInto = (folder: string, root: Hex, registered: Hex): Promise<void> =>
    fetchBundle({ network: client, peers: server.addresses(), root, manifestHash: registered, folder: path.join(home, folder), signal: AbortSignal.timeout(20_000) });

  it("are kept because their own hashes lead to the program root", async () => {
    await fetchInto("mine", bundle.program.root, manifestHash(bundle));
    const fetched = await readBundle(path.join(home, "mine", bundle.program.root));
    expect(fetched.program.root).toBe(bundle.program.root);
    expect(Buffer.compare(fetched.model, bundle.model)).toBe(0);
  });

  it("are refused when the registration names the bundle of another program", async () => {
    const other: Hex = `0x${"12".repeat(32)}`;
    await expect(fetchInto("other", other, manifestHash(bundle))).rejects.toMatchObject({ code: "BUNDLE_UNFIT" });
    await expect(readBundle(path.join(home, "other", other))).rejects.toMatchObject({ code: "BUNDLE_MISSING" });
  });

  it("are refused when what was registered is no manifest", async () => {
    const program = new Uint8Array(await readFile(path.join(home, "theirs", bundle.program.root, "program.json")));
    await expect(fetchInto("junk", bundle.program.root, toHex(sha256(program)))).rejects.toMatchObject({ code: "BLOB_TOO_LARGE" });
  });

  it("cannot be had where nobody has them", async () => {
    await expect(fetchInto("none", bundle.program.root, `0x${"34".repeat(32)}`)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  });
});
