import { multiaddr } from "@multiformats/multiaddr";
import { encode } from "it-length-prefixed";
import { describe, expect, it } from "vitest";
import { blobProtocol, encodeHeader, encodeRequest } from "../../../runtime/network/blobs/blobMessages.ts";
import { openFrames } from "../../../runtime/network/blobs/openFrames.ts";
import { deferred } from "../../../runtime/network/deferred.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { announces, otherBlob, rawBytes, silent, staller, startLiar, talkative, truncated, wrongByte, wrongItem } from "./adversaries.ts";
import { bundleSample, firstAddress, leavesOf, listSample, type Sample, sourceOf, startBareNode, startNetwork, tensorSample, until } from "./helpers.ts";

const mebibyte = 1024 * 1024;

async function honest(...samples: Sample[]) {
  const network = await startNetwork();
  const source = sourceOf(...samples);
  network.blobs.serve(source);
  return { network, source, address: firstAddress(network) };
}

describe("fetching from an honest peer", () => {
  it.each([1, 1_023, 1_024, 1_025, 65_536, 65_537, mebibyte + 3])("delivers a tensor of %i bytes", async (length) => {
    const sample = tensorSample(length);
    const server = await honest(sample);
    const client = await startNetwork();
    const progress: number[] = [];
    const bytes = await client.blobs.fetch(sample.name, [server.address], { maxBytes: length, onProgress: ({ heldBytes }) => progress.push(heldBytes) });
    expect(Buffer.compare(bytes, sample.data)).toBe(0);
    expect(progress.at(-1)).toBe(length);
  });

  it.each([0, 1, mebibyte + 3])("delivers a bundle of %i bytes", async (length) => {
    const sample = bundleSample(length);
    const server = await honest(sample);
    const client = await startNetwork();
    expect(Buffer.compare(await client.blobs.fetch(sample.name, [server.address]), sample.data)).toBe(0);
  });

  it.each([1, 5, 5_000])("delivers a list of %i items", async (count) => {
    const sample = listSample(count);
    const server = await honest(sample);
    const client = await startNetwork();
    expect(Buffer.compare(await client.blobs.fetch(sample.name, [server.address]), sample.data)).toBe(0);
    expect(server.source.reads).toEqual([]);
  });

  it("asks several times for a blob that is larger than one request", async () => {
    const sample = tensorSample(networkLimits.blob.maxChunksPerRequest * 1_024 + 5_000);
    const server = await honest(sample);
    const client = await startNetwork();
    expect(Buffer.compare(await client.blobs.fetch(sample.name, [server.address]), sample.data)).toBe(0);
    expect(server.source.opened).toBe(2);
  });

  it("runs many fetches at once without exceeding what a peer serves", async () => {
    const samples = Array.from({ length: 40 }, (_, index) => tensorSample(70_000 + index));
    const server = await honest(...samples);
    const client = await startNetwork();
    const blobs = await Promise.all(samples.map(({ name }) => client.blobs.fetch(name, [server.address])));
    for (const [index, bytes] of blobs.entries()) expect(Buffer.compare(bytes, samples[index]?.data ?? bytes)).toBe(0);
  });

  it("finds a connected peer by its id alone", async () => {
    const sample = tensorSample(10);
    const server = await honest(sample);
    const client = await startNetwork();
    await client.dial(server.address);
    expect(Buffer.compare(await client.blobs.fetch(sample.name, [server.network.peerId]), sample.data)).toBe(0);
  });

  it("asks the sources in order and forgets one that was taken away", async () => {
    const sample = tensorSample(10);
    const server = await startNetwork();
    const client = await startNetwork();
    server.blobs.serve(sourceOf());
    const remove = server.blobs.serve(sourceOf(sample));
    expect((await client.blobs.fetch(sample.name, [firstAddress(server)])).length).toBe(10);
    remove();
    await expect(client.blobs.fetch(sample.name, [firstAddress(server)])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  });
});

describe("fetching from peers that fail", () => {
  const sample = tensorSample(mebibyte + 3);

  it("resumes from an honest peer after a wrong byte, and cuts the liar off", async () => {
    const liar = await startLiar(wrongByte(sample, 300_000));
    const server = await honest(sample);
    const client = await startNetwork();
    const gone: string[] = [];
    client.onPeer(({ peer, connected }) => connected || gone.push(peer));

    const bytes = await client.blobs.fetch(sample.name, [liar.address, server.address]);
    expect(Buffer.compare(bytes, sample.data)).toBe(0);
    // The frame that holds byte 300000 begins at 262144; its chunks before the bad one are kept.
    expect(server.source.reads[0]?.offset).toBe(Math.floor(300_000 / 1_024) * 1_024);
    await until("the liar is disconnected", () => gone.includes(liar.peer));
    expect(client.peers()).toEqual([server.network.peerId]);
    await expect(client.dial(liar.address)).rejects.toMatchObject({ code: "PEER_BANNED" });
  });

  it.each([
    ["a wrong byte in the first chunk", () => wrongByte(sample, 0)],
    ["a wrong last byte", () => wrongByte(sample, sample.data.length - 1)],
    ["leaves that do not match the root", () => otherBlob(sample, 5)],
    ["a tensor of no bytes", () => announces(0, 0)],
    ["a tensor of no bytes with a leaf", () => rawBytes(Buffer.concat([encode.single(encodeHeader({ found: true, byteLength: 0, leafCount: 1 })).subarray(), encode.single(Buffer.alloc(32)).subarray()]))],
    ["a header with the wrong number of leaves", () => announces(10_000, 9)],
    ["a header that is no JSON", () => rawBytes(encode.single(Buffer.from("{]")).subarray())],
    ["a header that is too long", () => rawBytes(encode.single(Buffer.alloc(300, 32)).subarray())],
    ["a frame length that never ends", () => rawBytes(Buffer.alloc(20, 0xff))],
    ["a frame of a gigabyte", () => rawBytes(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x04]))],
  ])("convicts %s", async (_, misbehaviour) => {
    const liar = await startLiar(misbehaviour());
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [liar.address])).rejects.toMatchObject({
      code: "BLOB_CORRUPT",
      kind: "verification",
      details: { peers: [liar.peer] },
    });
    await until("the liar is disconnected", () => client.peers().length === 0);
  });

  it("convicts wrong items of a list", async () => {
    const list = listSample(100);
    const liar = await startLiar(wrongItem(list));
    const client = await startNetwork();
    await expect(client.blobs.fetch(list.name, [liar.address])).rejects.toMatchObject({ code: "BLOB_CORRUPT", details: { reason: "leaves do not match the root" } });
  });

  it("convicts whoever claims to have a list of a domain that does not exist", async () => {
    const list = listSample(3);
    const liar = await startLiar(wrongItem(list));
    const client = await startNetwork();
    const name = { kind: "list", root: list.name.root, domain: "gainsay.nothing.1" } as const;
    await expect(client.blobs.fetch(name, [liar.address])).rejects.toMatchObject({ code: "BLOB_CORRUPT", cause: { cause: { code: "BLOB_NAME_INVALID" } } });
  });

  it("keeps a peer that only broke off, and resumes elsewhere", async () => {
    const breaker = await startLiar(truncated(sample, 131_072));
    const server = await honest(sample);
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [breaker.address])).rejects.toMatchObject({ code: "BLOB_INTERRUPTED", retryable: true });
    const bytes = await client.blobs.fetch(sample.name, [breaker.address, server.address]);
    expect(Buffer.compare(bytes, sample.data)).toBe(0);
    expect(server.source.reads[0]?.offset).toBe(131_072);
    expect(client.peers().sort()).toEqual([breaker.peer, server.network.peerId].sort());
  });

  it("takes a stream that is cut inside a frame as broken off", async () => {
    const breaker = await startLiar(async (_frames, _request, stream) => {
      stream.send(Buffer.from([50, 1, 2, 3]));
      await stream.close();
    });
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [breaker.address])).rejects.toMatchObject({ code: "BLOB_INTERRUPTED" });
  });

  it.each([
    ["says nothing", () => silent],
    ["stalls in the middle of the data", () => staller(sample, 131_072)],
    ["stalls in the middle of the leaves", () => announces(sample.data.length, 1_025)],
  ])("gives up on a peer that %s", async (_, misbehaviour) => {
    const liar = await startLiar(misbehaviour());
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [liar.address], { timeoutMs: 150 })).rejects.toMatchObject({ code: "BLOB_TIMEOUT", retryable: true });
  });

  it("goes on after a stall, and names each failure when all fail", async () => {
    const slow = await startLiar(staller(sample, 65_536));
    const empty = await honest();
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [slow.address, empty.address], { timeoutMs: 2_000 })).rejects.toMatchObject({
      code: "BLOB_UNAVAILABLE",
      retryable: true,
      details: { attempts: [{ peer: slow.peer, code: "BLOB_TIMEOUT" }, { peer: empty.network.peerId, code: "BLOB_NOT_FOUND" }] },
    });
  });

  it("ends at once when its signal fires", async () => {
    const started = deferred<void>();
    const liar = await startLiar(async () => started.resolve());
    const client = await startNetwork();
    const controller = new AbortController();
    const fetching = client.blobs.fetch(sample.name, [liar.address], { signal: controller.signal, timeoutMs: 60_000 });
    await started.promise;
    controller.abort(new Error("changed my mind"));
    await expect(fetching).rejects.toMatchObject({ code: "ABORTED", cause: { message: "changed my mind" } });
    await expect(client.blobs.fetch(sample.name, [liar.address], { signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("ends when the network stops", async () => {
    const started = deferred<void>();
    const liar = await startLiar(async () => started.resolve());
    const client = await startNetwork();
    const fetching = client.blobs.fetch(sample.name, [liar.address], { timeoutMs: 60_000 });
    const ended = expect(fetching).rejects.toMatchObject({ code: "ABORTED" });
    await started.promise;
    await client.stop();
    await ended;
  });

  it("does not take more than it was allowed to", async () => {
    const server = await honest(sample);
    const client = await startNetwork();
    await expect(client.blobs.fetch(sample.name, [server.address], { maxBytes: sample.data.length - 1 })).rejects.toMatchObject({ code: "BLOB_TOO_LARGE" });
    expect(client.peers()).toContain(server.network.peerId);
  });

  it("is done when the blob is, whatever the peer adds", async () => {
    const liar = await startLiar(talkative(sample));
    const client = await startNetwork();
    expect((await client.blobs.fetch(sample.name, [liar.address])).length).toBe(sample.data.length);
  });

  it("refuses malformed names and addresses, and does nothing without peers", async () => {
    const client = await startNetwork();
    await expect(client.blobs.fetch({ kind: "tensor", root: "0xAB" }, [])).rejects.toMatchObject({ code: "BLOB_NAME_INVALID" });
    await expect(client.blobs.fetch(sample.name, ["/ip4/127.0.0.1/tcp/1"])).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    await expect(client.blobs.fetch(sample.name, [])).rejects.toMatchObject({ code: "BLOB_UNAVAILABLE" });
    await expect(client.blobs.fetch(sample.name, [firstAddress(client)])).rejects.toMatchObject({ code: "BLOB_UNAVAILABLE" });
  });
});

describe("bundles, whose leaves nobody can check at first", () => {
  const sample = bundleSample(300_000);

  it("convicts at the end a peer whose data is consistent but not the bundle", async () => {
    const liar = await startLiar(otherBlob(sample, 200_000));
    const server = await honest(sample);
    const client = await startNetwork();
    const bytes = await client.blobs.fetch(sample.name, [liar.address, server.address]);
    expect(Buffer.compare(bytes, sample.data)).toBe(0);
    await until("the liar is disconnected", () => !client.peers().includes(liar.peer));
    expect(client.peers()).toEqual([server.network.peerId]);
  });

  it("never blames an honest peer for the leaves of another, and keeps what both agree on", async () => {
    const changed = Uint8Array.from(sample.data);
    changed[70_000] = (changed[70_000] ?? 0) ^ 1;
    // False leaves, and data that fits them, but only the first 128 KiB.
    const slow = await startLiar(staller({ ...sample, data: changed, leaves: leavesOf(changed) }, 131_072));
    const server = await honest(sample);
    const client = await startNetwork();
    const bytes = await client.blobs.fetch(sample.name, [slow.address, server.address], { timeoutMs: 2_000 });
    expect(Buffer.compare(bytes, sample.data)).toBe(0);
    expect(client.peers()).toContain(server.network.peerId);
    // Chunk 68 holds byte 70000; the second request begins there.
    expect(server.source.reads.map(({ offset }) => offset)).toContain(68 * 1_024);
  });
});

describe("serving", () => {
  it.each([
    ["a request that is no JSON", encode.single(Buffer.from("hello")).subarray()],
    ["a request with an unknown kind", encode.single(Buffer.from('{"chunkCount":1,"firstChunk":0,"leaves":true,"name":{"kind":"x"}}')).subarray()],
    ["a request that is too long", encode.single(Buffer.alloc(513, 32)).subarray()],
    ["a request of a gigabyte", Buffer.from([0x80, 0x80, 0x80, 0x80, 0x04])],
  ])("resets the stream on %s without asking the source", async (_, bytes) => {
    const server = await honest();
    const node = await startBareNode();
    const [address] = server.network.addresses();
    const connection = await node.dial(multiaddr(address));
    const stream = await connection.newStream(blobProtocol);
    stream.send(bytes);
    await until("the stream is reset", () => stream.status === "reset");
    expect(server.source.opened).toBe(0);
  });

  it("tells the source who asks, so that it can serve one peer and not another", async () => {
    const sample = tensorSample(5_000);
    const [server, friend, stranger] = [await startNetwork(), await startNetwork(), await startNetwork()];
    const good = sourceOf(sample);
    server.blobs.serve({ open: async (name, peer) => (peer === friend.peerId ? good.open(name, peer) : undefined) });
    await expect(stranger.blobs.fetch(sample.name, [firstAddress(server)])).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    expect((await friend.blobs.fetch(sample.name, [firstAddress(server)])).length).toBe(5_000);
  });

  it("resets the stream when its source fails, and goes on serving", async () => {
    const sample = tensorSample(5_000);
    const server = await startNetwork();
    const client = await startNetwork();
    let broken = true;
    const good = sourceOf(sample);
    server.blobs.serve({
      async open(name, peer) {
        if (broken) throw new Error("disk on fire");
        return good.open(name, peer);
      },
    });
    await expect(client.blobs.fetch(sample.name, [firstAddress(server)])).rejects.toMatchObject({ code: "BLOB_INTERRUPTED" });
    broken = false;
    expect((await client.blobs.fetch(sample.name, [firstAddress(server)])).length).toBe(5_000);
  });

  it("holds streams of one peer to a number, and frees them again", async () => {
    const server = await honest();
    const node = await startBareNode();
    const connection = await node.dial(multiaddr(server.address));
    const streams = [];
    for (let index = 0; index < networkLimits.blob.maxServedStreamsPerPeer; index += 1) {
      streams.push(await connection.newStream(blobProtocol, { maxOutboundStreams: 100 }));
    }
    const extra = await connection.newStream(blobProtocol, { maxOutboundStreams: 100 });
    await until("the extra stream is reset", () => extra.status === "reset");
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => "open"));
    streams[0]?.abort(new Error("done"));
    const client = openFrames(await retryUntilServed());
    await client.write(encodeRequest({ name: tensorSample(1).name, firstChunk: 0, chunkCount: 1, leaves: true }), 5_000);
    expect(Buffer.from((await client.read(256, 5_000)) ?? []).toString()).toBe('{"found":false}');

    async function retryUntilServed() {
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const stream = await connection.newStream(blobProtocol, { maxOutboundStreams: 100 });
        await node.services.ping.ping(connection.remotePeer);
        if (stream.status === "open") return stream;
      }
      throw new Error("no stream became free");
    }
  });

  it("does not run ahead of a slow reader", async () => {
    const sample = tensorSample(16 * mebibyte);
    const server = await honest(sample);
    const node = await startBareNode();
    const connection = await node.dial(multiaddr(server.address));
    const frames = openFrames(await connection.newStream(blobProtocol));
    await frames.write(encodeRequest({ name: sample.name, firstChunk: 0, chunkCount: 16_384, leaves: false }), 5_000);
    await frames.read(256, 5_000);
    let ahead = 0;
    for (let consumed = 0; consumed < 8 * mebibyte; consumed += 65_536) {
      // A round trip gives the server every chance to send more.
      await node.services.ping.ping(connection.remotePeer);
      const sent = server.source.reads.reduce((sum, { length }) => sum + length, 0);
      ahead = Math.max(ahead, sent - consumed);
      await frames.read(65_536, 5_000);
    }
    frames.abort(new Error("enough"));
    expect(ahead).toBeLessThan(4 * mebibyte);
  });
});
