import { setTimeout as pause } from "node:timers/promises";
import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { domains } from "../../../protocol/trees/domains.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { encodeHeader, encodeRequest, keptBlobProtocol, type ListBlobName } from "../../../runtime/network/blobs/blobMessages.ts";
import type { Blobs } from "../../../runtime/network/blobs/createBlobs.ts";
import { createSeats } from "../../../runtime/network/blobs/createSeats.ts";
import { decodeKeptRequest, decodeListedHeader, encodeListedHeader, encodeListedRequest, type ListedRequest, namesOfKnown, readSentBits, sentBits } from "../../../runtime/network/blobs/listedMessages.ts";
import { openFrames, type Frames } from "../../../runtime/network/blobs/openFrames.ts";
import type { ListedWish } from "../../../runtime/network/blobs/receiveListed.ts";
import { encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { addressOf, firstAddress, sourceOf, startBareNode, startNetwork, tensorSample, until, type Sample } from "./helpers.ts";

const limits = networkLimits.blob;

/** A list of tensors that a peer may be asked for at once. */
function listOf(tensors: readonly Sample[]): { list: Sample & { name: ListBlobName }; wish: (known?: readonly Hex[]) => ListedWish } {
  const items = new Uint8Array(Buffer.concat(tensors.map(({ name }) => Buffer.from(name.root.slice(2), "hex"))));
  const name = { kind: "list", domain: domains.trace, root: toHex(listRoot("trace", items)) } as const;
  return { list: { name, data: items, leaves: items }, wish: (known = []) => ({ list: name, lengths: tensors.map(({ data }) => data.length), known }) };
}

async function honest(...samples: Sample[]) {
  const network = await startNetwork();
  const source = sourceOf(...samples);
  network.blobs.serve(source);
  return { network, source, address: firstAddress(network) };
}

/** A peer that answers requests on a kept stream, each with what is given for it. */
async function startKeptPeer(answer: (frames: Frames, request: ListedRequest, stream: number) => Promise<void>): Promise<{ peer: string; address: string; streams: () => number }> {
  const node = await startBareNode();
  let streams = 0;
  await node.handle(keptBlobProtocol, async (stream) => {
    const frames = openFrames(stream);
    const number = (streams += 1);
    for (let bytes = await frames.read(limits.listed.maxRequestBytes, 10_000); bytes !== undefined; bytes = await frames.read(limits.listed.maxRequestBytes, 10_000)) {
      await answer(frames, decodeKeptRequest(bytes) as ListedRequest, number);
    }
    await frames.close(1_000);
  });
  return { peer: node.peerId.toString(), address: addressOf(node), streams: () => streams };
}

const tensors = [tensorSample(4_000), tensorSample(28), tensorSample(70_001)];
const { list, wish } = listOf(tensors);
const payload = (...changed: Uint8Array[]): Uint8Array => Buffer.concat([list.data, ...tensors.map(({ data }, i) => changed[i] ?? data)]);
const sendAll = async (frames: Frames, items: number, sent: string, bytes: Uint8Array): Promise<void> => {
  await frames.write(encodeListedHeader({ found: true, items, sent, byteLength: bytes.length }), 5_000);
  for (let offset = 0; offset < bytes.length; offset += limits.frameBytes) await frames.write(bytes.subarray(offset, offset + limits.frameBytes), 5_000);
};
const flipped = (bytes: Uint8Array, position: number): Uint8Array => bytes.map((byte, i) => (i === position ? byte ^ 1 : byte));

describe("a kept stream", () => {
  it("serves one request after another, found or not", async () => {
    const server = await honest(...tensors);
    const client = await startNetwork();
    const node = await startBareNode();
    const connection = await node.dial(multiaddr(server.address));
    const frames = openFrames(await connection.newStream(keptBlobProtocol));
    for (const { name, data } of [tensors[0]!, tensorSample(9), tensors[1]!, tensors[0]!]) {
      await frames.write(encodeRequest({ name, firstChunk: 0, chunkCount: 100, leaves: false }), 5_000);
      const known = tensors.some((one) => one.name.root === name.root);
      const header = Buffer.from((await frames.read(256, 5_000)) ?? []).toString();
      expect(header.includes('"found":true')).toBe(known);
      if (known) expect(Buffer.compare((await frames.read(limits.frameBytes, 5_000)) as Uint8Array, data)).toBe(0);
    }
    await frames.close(5_000);
    expect(await frames.read(10, 5_000)).toBeUndefined();
    expect((await client.blobs.fetch(tensors[2]!.name, [server.address])).length).toBe(70_001);
  });

  it("is used again, also after a blob that was not found", async () => {
    const peer = await startKeptPeer(async (frames) => frames.write(encodeHeader({ found: false }), 5_000));
    const client = await startNetwork();
    for (const { name } of tensors) await expect(client.blobs.fetch(name, [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(client.blobs.fetchListed(wish(), [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    expect(peer.streams()).toBe(1);
  });

  it("that the peer has closed meanwhile is opened anew", async () => {
    const peer = await startKeptPeer(async (frames, _request, stream) => {
      await frames.write(encodeHeader({ found: false }), 5_000);
      if (stream === 1) await frames.close(1_000);
    });
    const client = await startNetwork();
    for (let i = 0; i < 3; i += 1) await expect(client.blobs.fetch(tensors[0]!.name, [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    expect(peer.streams()).toBe(2);
  });

  it("that breaks off in the middle is tried once more, not for ever", async () => {
    const peer = await startKeptPeer(async (frames, _request, stream) => {
      if (stream > 1) return frames.abort(new Error("out of memory"));
      await frames.write(encodeHeader({ found: false }), 5_000);
    });
    const client = await startNetwork();
    await expect(client.blobs.fetch(tensors[0]!.name, [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(client.blobs.fetch(tensors[0]!.name, [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    const other = await startKeptPeer(async (frames) => frames.abort(new Error("out of memory")));
    await expect(client.blobs.fetch(tensors[0]!.name, [other.address])).rejects.toMatchObject({ code: "BLOB_INTERRUPTED" });
    expect(other.streams()).toBe(1);
  });

  it("is not used again after a signal has ended what was asked on it", async () => {
    const peer = await startKeptPeer(async (frames, _request, stream) => {
      if (stream > 1) await frames.write(encodeHeader({ found: false }), 5_000);
    });
    const client = await startNetwork();
    const controller = new AbortController();
    const fetching = client.blobs.fetch(tensors[0]!.name, [peer.address], { signal: controller.signal, timeoutMs: 60_000 });
    await until("the request has come", () => peer.streams() === 1);
    controller.abort();
    await expect(fetching).rejects.toMatchObject({ code: "ABORTED" });
    await expect(client.blobs.fetch(tensors[0]!.name, [peer.address])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  });

  it("resets on a request that is too long, or none", async () => {
    const server = await honest();
    const node = await startBareNode();
    const connection = await node.dial(multiaddr(server.address));
    for (const bytes of [Buffer.alloc(limits.listed.maxRequestBytes + 1, 32), Buffer.from("hello"), Buffer.from('{"list":1}')]) {
      const stream = await connection.newStream(keptBlobProtocol);
      await openFrames(stream).write(bytes, 5_000);
      await until("the stream is reset", () => stream.status === "reset");
    }
    expect(server.source.opened).toBe(0);
  });
});

describe("a list with its tensors", () => {
  it("comes in one response, without what is known", async () => {
    const server = await honest(list, ...tensors);
    const client = await startNetwork();
    const listed = await client.blobs.fetchListed(wish(), [server.address]);
    expect(Buffer.compare(listed!.items, list.data)).toBe(0);
    expect([...listed!.tensors.keys()]).toEqual([0, 1, 2]);
    for (const [i, { bytes, leaves }] of listed!.tensors) {
      expect(Buffer.compare(bytes, tensors[i]!.data)).toBe(0);
      expect(Buffer.compare(leaves, tensors[i]!.leaves)).toBe(0);
    }
    const { opened } = server.source;
    const some = await client.blobs.fetchListed(wish([tensors[0]!.name.root, tensors[2]!.name.root]), [server.address]);
    expect([...some!.tensors.keys()]).toEqual([1]);
    expect(server.source.opened - opened).toBe(2);
  });

  it("leaves out what does not fit, and what the peer lacks", async () => {
    const large = [tensorSample(250_000), tensorSample(350_000), tensorSample(200_000), tensorSample(77)];
    const made = listOf(large);
    const server = await honest(made.list, ...large.slice(0, 3));
    const client = await startNetwork();
    const listed = await client.blobs.fetchListed(made.wish(), [server.address]);
    expect([...listed!.tensors.keys()]).toEqual([0, 2]);
    expect(Buffer.compare(listed!.tensors.get(2)!.bytes, large[2]!.data)).toBe(0);
  });

  it.each([
    ["a wrong item", 3, "07", () => payload().map((byte, i) => (i === 5 ? byte ^ 1 : byte))],
    ["a wrong byte of the first tensor", 3, "07", () => payload(flipped(tensors[0]!.data, 3_999))],
    ["a wrong byte of the last tensor", 3, "07", () => payload(tensors[0]!.data, tensors[1]!.data, flipped(tensors[2]!.data, 70_000))],
    ["fewer items than the header says", 3, "00", () => list.data.subarray(0, 64)],
  ])("convicts %s", async (_, items, sent, bytes) => {
    const liar = await startKeptPeer((frames) => sendAll(frames, items, sent, bytes()));
    const client = await startNetwork();
    await expect(client.blobs.fetchListed(wish(), [liar.address])).rejects.toMatchObject({ code: "BLOB_CORRUPT", details: { peers: [liar.peer] } });
    await until("the liar is disconnected", () => client.peers().length === 0);
  });

  it.each([
    ["a header that is none", Buffer.from('{"found":true}')],
    ["a header of too many items", Buffer.from('{"byteLength":0,"found":true,"items":99999,"sent":""}')],
    ["a header whose bits do not fit its items", Buffer.from('{"byteLength":96,"found":true,"items":3,"sent":"0000"}')],
    ["a header of more bytes than a response may have", Buffer.from('{"byteLength":2000000,"found":true,"items":3,"sent":"07"}')],
  ])("convicts %s", async (_, header) => {
    const liar = await startKeptPeer((frames) => frames.write(header, 5_000));
    const client = await startNetwork();
    await expect(client.blobs.fetchListed(wish(), [liar.address])).rejects.toMatchObject({ code: "BLOB_CORRUPT" });
  });

  it("goes on with an honest peer after a liar, and gives up on one that stalls", async () => {
    const liar = await startKeptPeer((frames) => sendAll(frames, 3, "07", payload(flipped(tensors[0]!.data, 1))));
    const staller = await startKeptPeer((frames) => frames.write(encodeListedHeader({ found: true, items: 3, sent: "07", byteLength: payload().length }), 5_000));
    const server = await honest(list, ...tensors);
    const client = await startNetwork();
    await expect(client.blobs.fetchListed(wish(), [staller.address], { timeoutMs: 150 })).rejects.toMatchObject({ code: "BLOB_TIMEOUT" });
    const listed = await client.blobs.fetchListed(wish(), [liar.address, server.address]);
    expect([...listed!.tensors.keys()]).toEqual([0, 1, 2]);
  });

  it("is to be fetched one by one from a peer of the older protocol, and where lengths are others", async () => {
    const old = await startBareNode();
    await old.handle("/gainsay/blob/1.0.0", () => undefined);
    const server = await honest(list, ...tensors);
    const client = await startNetwork();
    expect(await client.blobs.fetchListed(wish(), [addressOf(old)])).toBeUndefined();
    expect(await client.blobs.fetchListed({ ...wish(), lengths: [4_000, 28] }, [server.address])).toBeUndefined();
    expect(await client.blobs.fetchListed({ ...wish(), lengths: [4_000, 27, 70_001] }, [server.address])).toBeUndefined();
    // Nothing of it was wrong.
    expect(client.peers()).toContain(server.network.peerId);
  });

  it("names what is known by the beginnings of its roots", () => {
    const roots = Array.from({ length: limits.listed.maxKnown + 5 }, (_, i) => toHex(Buffer.alloc(32, i % 256)));
    const request = decodeKeptRequest(encodeListedRequest({ list: list.name, known: namesOfKnown(roots) })) as ListedRequest;
    expect(request.known.length).toBe(limits.listed.maxKnown * 16);
    expect(encodeListedRequest(request).length).toBeLessThanOrEqual(limits.listed.maxRequestBytes);
    expect(() => decodeKeptRequest(encodeListedRequest({ list: list.name, known: "00" }))).toThrow();
    const bits = Array.from({ length: 19 }, (_, i) => i % 3 === 0);
    expect(readSentBits(sentBits(bits), 19)).toEqual(bits);
    expect(encodeListedHeader({ found: true, items: limits.listed.maxItems, sent: sentBits(Array(limits.listed.maxItems).fill(true)), byteLength: 10 }).length).toBeLessThanOrEqual(limits.listed.maxHeaderBytes);
  });
});

describe("requests", () => {
  const inner = { kind: "inner", root: list.name.root, block: 3 } as const;
  const asText = (message: ListedRequest): string => Buffer.from(encodeListedRequest(message)).toString();
  it("are read as they were written", () => {
    for (const message of [{ list: list.name, known: "" }, { list: list.name, known: "00112233445566ff" }, { list: { ...list.name, domain: "a.1" }, known: "" }, { list: inner, known: "" }]) {
      expect(decodeKeptRequest(Buffer.from(asText(message)))).toEqual(message);
      expect(asText(message)).toBe(Buffer.from(encodeCanonical(message)).toString());
    }
    for (const header of [{ found: false }, { found: true, items: 3, sent: "05", byteLength: 0 }, { found: true, items: 0, sent: "", byteLength: 123_456 }] as const) {
      expect(Buffer.from(encodeListedHeader(header)).toString()).toBe(Buffer.from(encodeCanonical(header)).toString());
      for (let again = 0; again < 2; again++) expect(decodeListedHeader(encodeListedHeader(header))).toEqual(header);
    }
  });

  const text = asText({ list: list.name, known: "0011223344556677" });
  it.each([
    ["a field more", text.replace('{"known"', '{"a":1,"known"')],
    ["a field more in the name", text.replace('"kind"', '"e":1,"kind"')],
    ["a space", text.replace(",", ", ")],
    ["a line behind it", `${text}\n`],
    ["the fields in another order", JSON.stringify({ list: list.name, known: "" })],
    ["capital letters", text.replace(/0x[0-9a-f]{64}/, (root) => `0x${root.slice(2).toUpperCase()}`)],
    ["a root that is too short", text.replace(/0x[0-9a-f]{64}/, (root) => root.slice(0, -1))],
    ["half of a known root", text.replace("0011223344556677", "00112233")],
    ["a byte beyond ASCII", text.replace("gainsay", "g\u00e4insay")],
    ["a domain of nothing", text.replace(domains.trace, "")],
  ])("with %s are refused", (_, wrong) => {
    expect(() => decodeKeptRequest(Buffer.from(wrong))).toThrow();
  });
});

describe("lists that are asked for together", () => {
  const many = Array.from({ length: 40 }, (_, i) => {
    const [own, common] = [tensorSample(100 + i), tensorSample(28)];
    return { ...listOf([own, common]), own, common };
  });
  const everything = many.flatMap(({ list, own, common }) => [list, own, common]);
  const answerOf = ({ list, own, common }: (typeof many)[number]): [Uint8Array, Uint8Array] => {
    const bytes = Buffer.concat([list.data, own.data, common.data]);
    return [encodeListedHeader({ found: true, items: 2, sent: "03", byteLength: bytes.length }), bytes];
  };
  const answerTo = ({ list: { root } }: ListedRequest): [Uint8Array, Uint8Array] => answerOf(many.find(({ list }) => list.name.root === root)!);
  const ownOf = (listed: Awaited<ReturnType<Blobs["fetchListed"]>>): number | undefined => listed?.tensors.get(0)?.bytes.length;

  it("each come to whom they belong", async () => {
    const server = await honest(...everything);
    const client = await startNetwork();
    const fetched = await Promise.all(many.map(({ wish }) => client.blobs.fetchListed(wish(), [server.address])));
    expect(fetched.map(ownOf)).toEqual(many.map(({ own }) => own.data.length));
  });

  it("leave as many together as may share an exchange, of which the first waits for no other", async () => {
    const asked: string[] = [];
    const peer = await startKeptPeer(async (frames, request, stream) => {
      asked.push(`${stream}`);
      await frames.write(answerTo(request), 5_000);
    });
    const client = await startNetwork();
    await client.blobs.fetchListed(many[0]!.wish(), [peer.address]);
    expect(asked).toEqual(["1"]);
    await Promise.all(many.map(({ wish }) => client.blobs.fetchListed(wish(), [peer.address])));
    // 32 go at once, and the other eight, which are no full exchange, follow them.
    expect(asked).toEqual(["1", ...Array<string>(40).fill("1")]);
    expect(peer.streams()).toBe(1);
  });

  it("begin a further exchange when they fill one, and no more than that", async () => {
    const peer = await startKeptPeer(() => new Promise(() => undefined));
    const client = await startNetwork();
    const controller = new AbortController();
    const fetching = Promise.allSettled(Array.from({ length: 2 * limits.listed.maxShared + 5 }, (_, i) => client.blobs.fetchListed(many[i % many.length]!.wish(), [peer.address], { signal: controller.signal })));
    await until("two exchanges have begun", () => peer.streams() === 2);
    await pause(50);
    expect(peer.streams()).toBe(2);
    controller.abort();
    for (const one of await fetching) expect(one).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
  });

  it("are not more bytes than one response may have: larger ones have streams of their own, side by side", async () => {
    const large = [200_000, 200_001, 200_002, 200_003, 200_004].map((length) => listOf([tensorSample(length)]));
    const waiting: (() => void)[] = [];
    const peer = await startKeptPeer(async (frames) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      await frames.write(encodeListedHeader({ found: false }), 5_000);
    });
    const client = await startNetwork();
    const fetching = Promise.allSettled(large.map(({ wish }) => client.blobs.fetchListed(wish(), [peer.address])));
    // Two and two; the last one is no full exchange and waits.
    await until("both exchanges have begun", () => waiting.length === 2);
    await pause(50);
    expect(peer.streams()).toBe(2);
    const answering = setInterval(() => waiting.shift()?.(), 20);
    const fetched = await fetching.finally(() => clearInterval(answering));
    expect(fetched.map((one) => one.status === "rejected" && (one.reason as GainsayError).code)).toEqual(Array(5).fill("BLOB_NOT_FOUND"));
  });

  it("stand by themselves: one that is not there, or not as long as was asked for, says nothing of the others", async () => {
    const server = await honest(...everything.filter(({ name }) => name.root !== many[2]!.list.name.root));
    const client = await startNetwork();
    const wishes = many.slice(0, 6).map(({ wish }, i) => (i === 4 ? { ...wish(), lengths: [1, 28] } : wish()));
    const fetched = await Promise.allSettled(wishes.map((one) => client.blobs.fetchListed(one, [server.address])));
    expect(fetched.map((one) => (one.status === "fulfilled" ? ownOf(one.value) : (one.reason as GainsayError).code))).toEqual([100, 101, "BLOB_NOT_FOUND", 103, undefined, 105]);
  });

  it("convict the peer of one that is wrong, and are then had from another", async () => {
    const liar = await startKeptPeer(async (frames, request) => {
      const [header, bytes] = answerTo(request);
      await frames.write([header, request.list.root === many[2]!.list.name.root ? flipped(bytes, bytes.length - 1) : bytes], 5_000);
    });
    const server = await honest(...everything);
    const client = await startNetwork();
    const fetched = await Promise.allSettled(many.slice(0, 6).map(({ wish }) => client.blobs.fetchListed(wish(), [liar.address])));
    expect(fetched.map((one) => (one.status === "fulfilled" ? ownOf(one.value) : (one.reason as GainsayError).code))).toEqual([100, 101, "BLOB_CORRUPT", "BLOB_INTERRUPTED", "BLOB_INTERRUPTED", "BLOB_INTERRUPTED"]);
    await until("the liar is disconnected", () => client.peers().length === 0);
    const again = await Promise.all(many.slice(0, 6).map(({ wish }) => client.blobs.fetchListed(wish(), [liar.address, server.address])));
    expect(again.map(ownOf)).toEqual([100, 101, 102, 103, 104, 105]);
  });

  it("convict a peer that answers one with the answer to another, as in a replay", async () => {
    const liar = await startKeptPeer((frames) => frames.write(answerOf(many[0]!), 5_000));
    const client = await startNetwork();
    const fetched = await Promise.allSettled(many.slice(0, 3).map(({ wish }) => client.blobs.fetchListed(wish(), [liar.address])));
    expect(fetched.map((one) => (one.status === "fulfilled" ? ownOf(one.value) : (one.reason as GainsayError).code))).toEqual([100, "BLOB_CORRUPT", "BLOB_INTERRUPTED"]);
  });

  it("are asked for one by one after one of them has broken the stream", async () => {
    const server = await startNetwork();
    const source = sourceOf(...everything);
    server.blobs.serve({ open: async (name, peer) => (name.root === many[2]!.own.name.root ? Promise.reject(new Error("damaged")) : source.open(name, peer)) });
    const client = await startNetwork();
    const fetched = await Promise.allSettled(many.slice(0, 6).map(({ wish }) => client.blobs.fetchListed(wish(), [firstAddress(server)])));
    expect(fetched.map((one) => (one.status === "fulfilled" ? ownOf(one.value) : (one.reason as GainsayError).code))).toEqual([100, 101, "BLOB_INTERRUPTED", 103, 104, 105]);
  });

  it("end together where the peer stalls", async () => {
    const staller = await startKeptPeer((frames, request) => (request.list.root === many[0]!.list.name.root ? frames.write(answerTo(request), 5_000) : new Promise(() => undefined)));
    const client = await startNetwork();
    const fetched = await Promise.allSettled(many.slice(0, 3).map(({ wish }) => client.blobs.fetchListed(wish(), [staller.address], { timeoutMs: 1_000 })));
    expect(fetched.map((one) => (one.status === "fulfilled" ? ownOf(one.value) : (one.reason as GainsayError).code))).toEqual([100, "BLOB_TIMEOUT", "BLOB_TIMEOUT"]);
  });

  it("can be withdrawn one by one; the stream ends when nobody waits for it any more", async () => {
    const waiting: (() => void)[] = [];
    const peer = await startKeptPeer(async (frames, request) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      await frames.write(answerTo(request), 5_000);
    });
    const client = await startNetwork();
    const controllers = many.slice(0, 3).map(() => new AbortController());
    const fetching = controllers.map(({ signal }, i) => client.blobs.fetchListed(many[i]!.wish(), [peer.address], { signal }));
    const settled = Promise.allSettled(fetching);
    await until("the first request has come", () => waiting.length === 1);
    controllers[0]!.abort();
    await expect(fetching[0]).rejects.toMatchObject({ code: "ABORTED" });
    waiting.shift()!();
    await until("the second request is read", () => waiting.length === 1);
    waiting.shift()!();
    expect(ownOf(await fetching[1])).toBe(101);
    controllers[2]!.abort();
    await settled;
    await expect(fetching[2]).rejects.toMatchObject({ code: "ABORTED" });
    // On the former stream an answer may still come, so it is not used again.
    const next = client.blobs.fetchListed(many[5]!.wish(), [peer.address]);
    const answering = setInterval(() => waiting.shift()?.(), 5);
    expect(ownOf(await next)).toBe(105);
    clearInterval(answering);
    expect(peer.streams()).toBe(2);
  });

  it("end with the network, those too that wait for their turn", async () => {
    const peer = await startKeptPeer(() => new Promise(() => undefined));
    const client = await startNetwork();
    const fetching = Promise.allSettled(many.map(({ wish }) => client.blobs.fetchListed(wish(), [peer.address])));
    await until("the peer is asked", () => peer.streams() > 0);
    await client.stop();
    for (const one of await fetching) expect(one).toMatchObject({ status: "rejected", reason: { code: "ABORTED" } });
  });

  it("come one by one from a peer of the older protocol", async () => {
    const old = await startBareNode();
    await old.handle("/gainsay/blob/1.0.0", () => undefined);
    const client = await startNetwork();
    expect(await Promise.all(many.slice(0, 5).map(({ wish }) => client.blobs.fetchListed(wish(), [addressOf(old)])))).toEqual(Array(5).fill(undefined));
  });
});

describe("seats of served streams", () => {
  it("are free for others while a stream waits, and closed when too many wait", () => {
    const seats = createSeats();
    const closed: number[] = [];
    const peerOf = (i: number): string => `peer ${Math.floor(i / limits.maxServedStreamsPerPeer)}`;
    const waiting = Array.from({ length: limits.maxIdleServedStreams }, (_, i) => {
      const seat = seats.enter(peerOf(i), () => closed.push(i))!;
      expect(seat.begin()).toBe(true);
      seat.rest();
      return seat;
    });
    const serving = Array.from({ length: limits.maxServedStreams }, (_, i) => seats.enter(`busy ${i}`, () => undefined)!);
    expect(serving.every((seat) => seat.begin())).toBe(true);
    expect(seats.enter("late", () => undefined)).toBeUndefined();
    expect(waiting[5]!.begin()).toBe(false);
    expect(closed).toEqual([]);
    serving[0]!.rest();
    expect(closed).toEqual([0]);
    expect(waiting[5]!.begin()).toBe(true);
    waiting[0]!.leave();
    waiting[0] = seats.enter("peer 0", () => undefined)!;
    expect(waiting[0]).toBeUndefined();
    serving[1]!.leave();
    expect(seats.enter("peer 0", () => undefined)).toBeDefined();
    expect(seats.enter("peer 0", () => undefined)).toBeUndefined();
  });
});
