import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it } from "vitest";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { domains } from "../../../protocol/trees/domains.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { encodeHeader, encodeRequest, keptBlobProtocol, type ListBlobName } from "../../../runtime/network/blobs/blobMessages.ts";
import { createSeats } from "../../../runtime/network/blobs/createSeats.ts";
import { decodeKeptRequest, encodeListedHeader, encodeListedRequest, type ListedRequest, namesOfKnown, readSentBits, sentBits } from "../../../runtime/network/blobs/listedMessages.ts";
import { openFrames, type Frames } from "../../../runtime/network/blobs/openFrames.ts";
import type { ListedWish } from "../../../runtime/network/blobs/receiveListed.ts";
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
    expect(() => encodeListedRequest({ list: list.name, known: "00" })).toThrow();
    const bits = Array.from({ length: 19 }, (_, i) => i % 3 === 0);
    expect(readSentBits(sentBits(bits), 19)).toEqual(bits);
    expect(encodeListedHeader({ found: true, items: limits.listed.maxItems, sent: sentBits(Array(limits.listed.maxItems).fill(true)), byteLength: 10 }).length).toBeLessThanOrEqual(limits.listed.maxHeaderBytes);
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
