import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDiscoverer } from "../../../runtime/network/createDiscoverer.ts";
import { createKnownPeers } from "../../../runtime/network/createKnownPeers.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { firstAddress, quiet, sourceOf, startNetwork, tensorSample, until } from "./helpers.ts";

const dht = { mode: "server", namespace: "test" } as const;

describe("the table of peers", () => {
  it("lets two nodes find each other that know only a third", async () => {
    const first = await startNetwork({ dht });
    const [b, c] = await Promise.all([startNetwork({ dht, bootstrap: [firstAddress(first)] }), startNetwork({ dht, bootstrap: [firstAddress(first)] })]);
    await until("B and C are connected", () => b.peers().includes(c.peerId));
  });

  it("does not join nodes of another network", async () => {
    const first = await startNetwork({ dht });
    const other = await startNetwork({ dht: { mode: "server", namespace: "other" }, bootstrap: [firstAddress(first)] });
    const second = await startNetwork({ dht, bootstrap: [firstAddress(first)] });
    const third = await startNetwork({ dht, bootstrap: [firstAddress(first)] });
    await until("the others found each other", () => second.peers().includes(third.peerId));
    expect(other.peers()).toEqual([first.peerId]);
  });

  it("is not asked while there are enough peers, and outlives a table that fails", async () => {
    let asked = 0;
    let peers: number = networkLimits.dht.wantedPeers;
    const discoverer = createDiscoverer({
      logger: quiet,
      count: () => peers,
      isConnected: () => false,
      connect: async () => undefined,
      closest: async function* () {
        asked++;
        throw new Error("no table");
      },
    });
    onTestFinished(() => discoverer.stop());
    const { setTimeout: original } = globalThis;
    const pending: (() => void)[] = [];
    globalThis.setTimeout = ((work: () => void) => (pending.push(work), 0)) as never;
    try {
      discoverer.start();
      pending.shift()?.();
      await Promise.resolve();
      expect(asked).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
      peers = 0;
      pending.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked).toBe(1);
      expect(pending).toHaveLength(1);
    } finally {
      globalThis.setTimeout = original;
    }
  });
});

describe("a machine behind NAT", () => {
  it("serves through a relay to whoever asks, and tells others that address", async () => {
    const sample = tensorSample(300_000);
    const relay = await startNetwork({ relay: true });
    // Nothing listens here but the relay's place: nobody can dial it.
    const home = await startNetwork({ listen: [], nat: true, bootstrap: [firstAddress(relay)] });
    home.blobs.serve(sourceOf(sample));
    await until("it has a place at the relay", () => home.addresses().some((address) => address.includes("/p2p-circuit")));
    const [address = ""] = home.addresses();
    expect(address).toContain(`/p2p/${relay.peerId}/p2p-circuit/p2p/${home.peerId}`);
    expect(address.length).toBeLessThanOrEqual(networkLimits.maxAddressBytes);
    const asker = await startNetwork();
    expect(Buffer.from(await asker.blobs.fetch(sample.name, [address])).equals(sample.data)).toBe(true);
    expect(asker.peers()).toContain(home.peerId);
  });

  it("has no place at a node that is no relay", async () => {
    const plain = await startNetwork();
    const home = await startNetwork({ listen: [], nat: true, bootstrap: [firstAddress(plain)] });
    await until("they are connected", () => home.peers().includes(plain.peerId));
    expect(home.addresses()).toEqual([]);
  });
});

describe("known peers", () => {
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(path.join(tmpdir(), "gainsay-known-"));
    onTestFinished(() => rm(made, { recursive: true, force: true }));
    return made;
  };

  it("are dialled at the next start, without bootstrap peers", async () => {
    const file = path.join(await folder(), "deep", "known-peers.json");
    const other = await startNetwork();
    const before = await startNetwork();
    const first = createKnownPeers(file, before, quiet);
    await first.start();
    await before.dial(firstAddress(other));
    let told: string[] = [];
    void (async () => {
      while (told.length === 0) told = await before.neighbours();
    })();
    await until("the other told its addresses", () => told.length > 0);
    await first.stop();
    await before.stop();
    const after = await startNetwork();
    const second = createKnownPeers(file, after, quiet);
    onTestFinished(() => second.stop());
    await second.start();
    expect(after.peers()).toEqual([other.peerId]);
  });

  it.each(["{", "[]", '{"addresses":["/ip4/1.2.3.4/tcp/1"]}', '{"addresses":[7]}'])("start anew where their file holds %s", async (text) => {
    const file = path.join(await folder(), "known-peers.json");
    await writeFile(file, text);
    const address = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWCLfb5pQXp1EHPpjTtBjecfgN5zHPPTryvouz1GyiEgKX";
    const known = createKnownPeers(file, { dial: () => Promise.reject(new Error("away")), neighbours: async () => [address] }, quiet);
    await known.start();
    await known.stop();
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ addresses: [address] });
  });

  it("that are away stay known, up to a number", async () => {
    const file = path.join(await folder(), "known-peers.json");
    const address = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWCLfb5pQXp1EHPpjTtBjecfgN5zHPPTryvouz1GyiEgKX";
    await writeFile(file, JSON.stringify({ addresses: [address] }));
    const known = createKnownPeers(file, { dial: () => Promise.reject(new Error("away")), neighbours: async () => [] }, quiet);
    await known.start();
    await known.stop();
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ addresses: [address] });
  });
});
