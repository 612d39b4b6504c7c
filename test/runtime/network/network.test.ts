import { describe, expect, it, onTestFinished } from "vitest";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import { createNetwork } from "../../../runtime/network/createNetwork.ts";
import { createIdentity, readIdentity } from "../../../runtime/network/identity.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { topics } from "../../../runtime/network/topics.ts";
import { firstAddress, loopback, quiet, startNetwork, until } from "./helpers.ts";

const quietNetwork = async (options: Partial<Parameters<typeof createNetwork>[0]> = {}) => {
  const network = createNetwork({ listen: [loopback], bootstrap: [], identityKey: await createIdentity(), ...options }, { logger: quiet, verify: treeVerifier });
  onTestFinished(() => network.stop());
  return network;
};

describe("a network", () => {
  it("does nothing before it starts, and has an identity all the same", async () => {
    const network = await quietNetwork();
    expect(network.peerId).toMatch(/^12D3KooW/);
    expect(network.addresses()).toEqual([]);
    expect(network.peers()).toEqual([]);
    await expect(network.dial("/ip4/127.0.0.1/tcp/1/p2p/" + network.peerId)).rejects.toMatchObject({ code: "NETWORK_NOT_STARTED" });
    await network.stop();
  });

  it("connects, tells who comes and goes, and starts again under the same name", async () => {
    const [a, b] = [await startNetwork(), await startNetwork()];
    const events: { peer: string; connected: boolean }[] = [];
    a.onPeer((event) => events.push(event));
    expect(await b.dial(firstAddress(a))).toBe(a.peerId);
    await until("A sees B", () => a.peers().includes(b.peerId));
    await b.stop();
    await until("A sees B go", () => events.length === 2);
    expect(events).toEqual([{ peer: b.peerId, connected: true }, { peer: b.peerId, connected: false }]);
    const { peerId } = b;
    await b.start();
    expect(b.peerId).toBe(peerId);
    expect(firstAddress(b)).toContain(peerId);
    await b.dial(firstAddress(a));
  });

  it("listens to the end of onPeer, and outlives a callback that throws", async () => {
    const [a, b, c] = [await startNetwork(), await startNetwork(), await startNetwork()];
    let first = 0;
    let second = 0;
    const end = a.onPeer(() => {
      first += 1;
      throw new Error("callback bug");
    });
    a.onPeer(() => (second += 1));
    await b.dial(firstAddress(a));
    await until("both were told", () => first === 1 && second === 1);
    end();
    await c.dial(firstAddress(a));
    await until("the other was told", () => second === 2);
    expect(first).toBe(1);
  });

  it("reaches bootstrap peers that start after it, and finds them again after they were away", async () => {
    const first = await startNetwork();
    const address = firstAddress(first).replace(/\/p2p\/.*/, "");
    await first.stop();
    const identityKey = await createIdentity();
    const late = await quietNetwork({ listen: [address], identityKey });
    const network = await startNetwork({ bootstrap: [`${address}/p2p/${late.peerId}`] });
    expect(network.peers()).toEqual([]);
    await late.start();
    await until("the bootstrap peer is reached", () => network.peers().includes(late.peerId));
    await late.stop();
    await until("it is gone", () => network.peers().length === 0);
    await late.start();
    await until("it is reached again", () => network.peers().includes(late.peerId));
  });

  it("announces the addresses it is told to", async () => {
    const network = await startNetwork({ announce: ["/dns4/node.example/tcp/4001"] });
    expect(network.addresses()).toEqual([`/dns4/node.example/tcp/4001/p2p/${network.peerId}`]);
  });

  it("stops when its signal fires", async () => {
    const controller = new AbortController();
    const [a, b] = [await startNetwork({ signal: controller.signal }), await startNetwork()];
    await b.dial(firstAddress(a));
    controller.abort();
    await until("it has stopped", () => a.addresses().length === 0 && b.peers().length === 0);
    await expect(a.start()).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("starts and stops in order when asked for both at once", async () => {
    const a = await quietNetwork();
    await Promise.all([a.start(), a.start(), a.stop(), a.stop()]);
    expect(a.addresses()).toEqual([]);
    const stopped = a.start().then(() => a.stop());
    await stopped;
    void a.stop();
    await a.start();
    expect(a.addresses()).toHaveLength(1);
  });

  it("names what it cannot listen on, and can be started later", async () => {
    const a = await startNetwork();
    const b = await quietNetwork({ listen: [firstAddress(a).replace(/\/p2p\/.*/, "")] });
    await expect(b.start()).rejects.toMatchObject({ code: "NETWORK_START_FAILED" });
    await a.stop();
    await b.start();
    expect(b.addresses()).toHaveLength(1);
  });

  it("refuses addresses and keys that are none", async () => {
    const identityKey = await createIdentity();
    const make = (options: object) => () => createNetwork({ listen: [], bootstrap: [], identityKey, ...options }, { logger: quiet, verify: treeVerifier });
    const invalid = expect.objectContaining({ code: "ADDRESS_INVALID", kind: "usage" });
    expect(make({ listen: ["localhost:4001"] })).toThrow(invalid);
    expect(make({ announce: ["/ip4/1.2.3"] })).toThrow(invalid);
    expect(make({ bootstrap: ["/ip4/127.0.0.1/tcp/4001"] })).toThrow(invalid);
    expect(make({ bootstrap: [`/ip4/127.0.0.1/tcp/4001/p2p/${"x".repeat(1_000)}`] })).toThrow(invalid);
    expect(make({ identityKey: new Uint8Array(31) })).toThrow(expect.objectContaining({ code: "IDENTITY_INVALID" }));
  });

  it("gives up a dial when told to, and says when nobody is there", async () => {
    const [network, gone] = [await startNetwork(), await startNetwork()];
    const address = firstAddress(gone);
    await gone.stop();
    await expect(network.dial(address)).rejects.toMatchObject({ code: "PEER_UNREACHABLE", retryable: true });
    await expect(network.dial(address, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
    await expect(network.dial("nobody")).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  });

  it("never takes another peer for the one it dialled", async () => {
    const [network, other, third] = [await startNetwork(), await startNetwork(), await startNetwork()];
    const wrong = firstAddress(other).replace(other.peerId, third.peerId);
    await expect(network.dial(wrong)).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });

  it("keeps a penalised peer out in both directions until its points have halved away", async () => {
    let clock = 0;
    const network = await startNetwork({}, { now: () => clock });
    const other = await startNetwork();
    await other.dial(firstAddress(network));
    await until("they are connected", () => network.peers().length === 1);
    network.penalise(other.peerId, networkLimits.penalty.banAt - 1, "test");
    expect(network.peers()).toEqual([other.peerId]);
    network.penalise(other.peerId, 1, "test");
    await until("it is disconnected", () => network.peers().length === 0);
    await until("the other side knows", () => other.peers().length === 0);
    await expect(network.dial(firstAddress(other))).rejects.toMatchObject({ code: "PEER_BANNED" });
    // The refusal may come right after the dialler's own handshake has ended: what counts is that nothing stays.
    await other.dial(firstAddress(network)).catch(() => undefined);
    await until("nobody is connected", () => other.peers().length === 0);
    expect(network.peers()).toEqual([]);
    clock += 2 * networkLimits.penalty.halfLifeMs;
    await other.dial(firstAddress(network));
    await until("they are connected again", () => network.peers().length === 1);
  });
});

describe("identities", () => {
  it("reads a seed, a seed with its public key, and the protobuf form as the same key", async () => {
    const protobuf = await createIdentity();
    const raw = readIdentity(protobuf).raw;
    const id = readIdentity(protobuf).publicKey.toString();
    expect(readIdentity(raw).publicKey.toString()).toBe(id);
    expect(readIdentity(raw.subarray(0, 32)).publicKey.toString()).toBe(id);
  });

  it("derives the public key of RFC 8032, test 1", () => {
    const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
    expect(Buffer.from(readIdentity(seed).publicKey.raw).toString("hex")).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  });
});

describe("the messages of version 1", () => {
  const peerId = "12D3KooWCLfb5pQXp1EHPpjTtBjecfgN5zHPPTryvouz1GyiEgKX";
  const root = `0x${"ab".repeat(32)}`;
  const account = `0x${"cd".repeat(20)}`;
  const job = { jobId: "7", chainId: 31_337, contract: account, inputRoot: root, providers: [`/ip4/10.0.0.1/tcp/4001/p2p/${peerId}`] };
  const { inputRoot: _, ...common } = job;
  const { jobId, ...shared } = common;
  const announced = { jobId, attempt: 1, traceRoot: root, outputRoot: root };
  const result = { ...shared, results: [announced], executor: account, signature: `0x${"ef".repeat(65)}` };

  it("takes what is well-formed", () => {
    expect(topics.jobs.schema.safeParse(job).success).toBe(true);
    expect(topics.results.schema.safeParse(result).success).toBe(true);
    expect(topics.jobs.schema.safeParse({ ...job, jobId: String(2n ** 256n - 1n) }).success).toBe(true);
  });

  it.each([
    { jobId: "07" },
    { jobId: "-1" },
    { jobId: "" },
    { jobId: 7 },
    { jobId: String(2n ** 256n) },
    { jobId: "1".repeat(1_000) },
    { chainId: 0 },
    { chainId: 1.5 },
    { chainId: 2 ** 60 },
    { contract: account.toUpperCase() },
    { contract: `${account}00` },
    { inputRoot: "0x" },
    { providers: [] },
    { providers: ["/ip4/10.0.0.1/tcp/4001"] },
    { providers: [peerId] },
    { providers: [`/p2p/${peerId}`] },
    { providers: [`/ip4/10.0.0.1/tcp/4001/p2p/${peerId}/p2p-circuit`] },
    { providers: Array.from({ length: 9 }, () => job.providers[0]) },
    { providers: [`/dns4/${"a".repeat(250)}/tcp/4001/p2p/${peerId}`] },
    { more: true },
  ])("refuses a job with %j", (change) => {
    expect(topics.jobs.schema.safeParse({ ...job, ...change }).success).toBe(false);
  });

  it.each([{ signature: root }, { executor: root }, { results: [] }, { results: Array.from({ length: 33 }, () => announced) }, { jobId: "7" }])("refuses results with %j", (change) => {
    expect(topics.results.schema.safeParse({ ...result, ...change }).success).toBe(false);
  });

  it.each([{ jobId: "07" }, { attempt: -1 }, { attempt: 2 ** 32 }, { traceRoot: account }, { outputRoot: "0x" }, { more: true }])("refuses a result with %j", (change) => {
    expect(topics.results.schema.safeParse({ ...result, results: [announced, { ...announced, ...change }] }).success).toBe(false);
  });

  it("has room for the largest announcement of results", () => {
    const longest = { ...announced, jobId: String(2n ** 256n - 1n), attempt: 2 ** 32 - 1 };
    const address = `/dns4/${"a".repeat(183)}/tcp/65535/p2p/${peerId}`;
    const message = { ...result, chainId: Number.MAX_SAFE_INTEGER, results: Array.from({ length: 32 }, () => longest), providers: Array.from({ length: 8 }, () => address) };
    expect(address.length).toBe(256);
    expect(topics.results.schema.safeParse(message).success).toBe(true);
    expect(encodeCanonical(message).length).toBeLessThanOrEqual(topics.results.maxBytes);
  });
});
