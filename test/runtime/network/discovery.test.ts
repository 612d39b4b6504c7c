import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it, onTestFinished } from "vitest";
import { createRelayWatch } from "../../../runtime/network/createRelayWatch.ts";
import { trustOwnAddresses } from "../../../runtime/network/trustOwnAddresses.ts";
import { createDiscoverer } from "../../../runtime/network/createDiscoverer.ts";
import { createKnownPeers } from "../../../runtime/network/createKnownPeers.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { firstAddress, quiet, sourceOf, startNetwork, tensorSample, until } from "./helpers.ts";

/** Longer than the pause after which a node looks again for whom it has not found in its first seconds. */
const NEXT_LOOK_MS = 40_000;
const dht = { mode: "server", namespace: "test" } as const;

describe("the table of peers", () => {
  it("lets two nodes find each other that know only a third", async () => {
    const first = await startNetwork({ dht });
    const [b, c] = await Promise.all([startNetwork({ dht, bootstrap: [firstAddress(first)] }), startNetwork({ dht, bootstrap: [firstAddress(first)] })]);
    await until("B and C are connected", () => b.peers().includes(c.peerId), NEXT_LOOK_MS);
  });

  it("does not join nodes of another network", async () => {
    const first = await startNetwork({ dht });
    const other = await startNetwork({ dht: { mode: "server", namespace: "other" }, bootstrap: [firstAddress(first)] });
    const second = await startNetwork({ dht, bootstrap: [firstAddress(first)] });
    const third = await startNetwork({ dht, bootstrap: [firstAddress(first)] });
    await until("the others found each other", () => second.peers().includes(third.peerId), NEXT_LOOK_MS);
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
    const said: [string, object][] = [];
    const asker = await startNetwork({}, { logger: { ...quiet, info: (fields: object, message: string) => void said.push([message, fields]) } });
    expect(Buffer.from(await asker.blobs.fetch(sample.name, [address])).equals(sample.data)).toBe(true);
    expect(asker.peers()).toContain(home.peerId);
    expect(said).toContainEqual(["connected by a relay; trying for a direct connection", expect.objectContaining({ peer: home.peerId, address: expect.stringContaining("/p2p-circuit/") as string })]);
  });

  it("says when a direct connection takes the place of a relayed one, and only then", () => {
    const said: string[] = [];
    const watch = createRelayWatch({ ...quiet, info: (_: object, message: string) => void said.push(message) });
    const connection = (id: string, peer: string, relayed: boolean) => ({ id, remotePeer: { toString: () => peer }, remoteAddr: multiaddr("/ip4/127.0.0.1/tcp/1"), limits: relayed ? {} : undefined }) as never;
    watch.opened(connection("1", "a", false));
    watch.opened(connection("2", "b", true));
    watch.opened(connection("3", "c", false));
    watch.opened(connection("4", "b", false));
    watch.closed(connection("2", "b", true));
    watch.opened(connection("5", "b", false));
    expect(said).toEqual(["connected by a relay; trying for a direct connection", "direct connection in place of the relayed one"]);
  });
});

describe("a machine with a public address", () => {
  // Loopback has none; `npm run nat` has, in namespaces.
  it("tells it without waiting for strangers to dial it back", () => {
    const [told, listened] = [new Map<string, object>(), [multiaddr("/ip4/5.5.5.2/tcp/4001"), multiaddr("/ip4/127.0.0.1/tcp/4001")]];
    const own = trustOwnAddresses()({ addressManager: { confirmObservedAddr: (address, options) => void told.set(String(address), options) }, transportManager: { getAddrs: () => listened } });
    expect(told.size).toBe(0);
    own.confirm();
    expect([...told]).toEqual(listened.map((address) => [String(address), { type: "transport", ttl: Number.MAX_SAFE_INTEGER }]));
  });
});

describe("a node that is no relay", () => {
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

  it("are not written down any more by a node that was stopped before it had read them", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "gainsay-peers-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    let looks = 0;
    const known = createKnownPeers(path.join(folder, "peers.json"), { dial: () => Promise.reject(new Error("away")), neighbours: async () => (looks++, []) }, quiet, 1);
    const starting = known.start();
    await known.stop();
    await starting;
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(looks).toBe(before);
  });
});
