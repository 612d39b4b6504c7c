import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { encode } from "it-length-prefixed";
import { describe, expect, it } from "vitest";
import { openFrames } from "../../../runtime/network/blobs/openFrames.ts";
import { deferred } from "../../../runtime/network/deferred.ts";
import { addressOf, sampleBytes, startBareNode, until } from "./helpers.ts";

/** The two ends of a real stream. */
async function streamPair(): Promise<[Stream, Stream]> {
  const [a, b] = [await startBareNode(), await startBareNode()];
  const incoming = deferred<Stream>();
  await b.handle("/test", (stream) => incoming.resolve(stream));
  const outgoing = await a.dialProtocol(multiaddr(addressOf(b)), "/test");
  return [outgoing, await incoming.promise];
}

describe("frames", () => {
  it("arrive as they were sent, empty ones included, until the end", async () => {
    const [left, right] = (await streamPair()).map((stream) => openFrames(stream));
    const sent = [0, 1, 127, 128, 65_536, 0, 3].map(sampleBytes);
    for (const frame of sent) await left?.write(frame, 5_000);
    await left?.close(5_000);
    for (const frame of sent) expect(Buffer.from((await right?.read(65_536, 5_000)) ?? "none")).toEqual(Buffer.from(frame));
    expect(await right?.read(65_536, 5_000)).toBeUndefined();
    expect(await right?.read(65_536, 5_000)).toBeUndefined();
  });

  it("leave together when nothing is there to be read, or the turn is over, or they are many", async () => {
    const [left, right] = await streamPair();
    const [writer, reader] = [openFrames(left), openFrames(right)];
    const sent: number[] = [];
    const send = left.send.bind(left);
    left.send = (data) => (sent.push(data.byteLength), send(data));
    for (const length of [10, 20, 30]) await writer.write(new Uint8Array(length), 5_000);
    expect(sent).toEqual([]);
    const answer = writer.read(10, 5_000);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(sent).toEqual([63]);
    await writer.write(new Uint8Array(5), 5_000);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(sent).toEqual([63]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual([63, 6]);
    await writer.write(new Uint8Array(1), 5_000);
    await writer.write(new Uint8Array(65_536), 5_000);
    expect(sent).toEqual([63, 6, 65_541]);
    for (const length of [10, 20, 30, 5, 1, 65_536]) expect((await reader.read(65_536, 5_000))?.length).toBe(length);
    await reader.write(new Uint8Array(7), 5_000);
    await reader.close(5_000);
    expect((await answer)?.length).toBe(7);
    await writer.write(new Uint8Array(2), 5_000);
    await writer.close(5_000);
    expect((await reader.read(2, 5_000))?.length).toBe(2);
  });

  it("arrive however the bytes are cut", async () => {
    const [left, right] = await streamPair();
    const frames = openFrames(right);
    for (const byte of encode.single(Buffer.from("hello")).subarray()) {
      left.send(Uint8Array.of(byte));
      await until("the byte has left", () => left.writeBufferLength === 0);
    }
    expect(Buffer.from((await frames.read(5, 5_000)) ?? []).toString()).toBe("hello");
  });

  it("have a limit each, which the next one may exceed", async () => {
    const [left, right] = await streamPair();
    const [writer, reader] = [openFrames(left), openFrames(right)];
    await writer.write(new Uint8Array(100), 5_000);
    await writer.write(new Uint8Array(200), 5_000);
    await writer.write(new Uint8Array(101), 5_000);
    expect((await reader.read(100, 5_000))?.length).toBe(100);
    expect((await reader.read(200, 5_000))?.length).toBe(200);
    await expect(reader.read(100, 5_000)).rejects.toMatchObject({ code: "FRAME_INVALID" });
    expect(right.status).toBe("aborted");
    await until("the writer knows", () => left.status === "reset");
    await expect(writer.write(new Uint8Array(1), 5_000)).rejects.toMatchObject({ code: "FRAME_INTERRUPTED" });
  });

  it("do not wait for ever, neither for data nor for room", async () => {
    const [left, right] = await streamPair();
    await expect(openFrames(right).read(10, 50)).rejects.toMatchObject({ code: "FRAME_TIMEOUT" });
    const [full, lazy] = await streamPair();
    const writer = openFrames(full);
    lazy.pause();
    const flood = async () => {
      while (true) await writer.write(new Uint8Array(65_536), 100);
    };
    await expect(flood()).rejects.toMatchObject({ code: "FRAME_TIMEOUT" });
    await until("the other end knows", () => left.status === "reset");
  });

  it("give way to the signal, before and during a read", async () => {
    const controller = new AbortController();
    const [, right] = await streamPair();
    const frames = openFrames(right, controller.signal);
    const reading = frames.read(10, 60_000);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" });
    await expect(frames.read(10, 60_000)).rejects.toMatchObject({ code: "ABORTED" });
    expect(right.status).toBe("aborted");
  });

  it("survive a reader that pauses often, without losing a byte", async () => {
    const [left, right] = await streamPair();
    const [writer, reader] = [openFrames(left), openFrames(right)];
    const data = sampleBytes(8 * 1024 * 1024);
    const writing = (async () => {
      for (let offset = 0; offset < data.length; offset += 65_536) await writer.write(data.subarray(offset, offset + 65_536), 10_000);
      await writer.close(10_000);
    })();
    const parts: Uint8Array[] = [];
    for (let part = await reader.read(65_536, 10_000); part !== undefined; part = await reader.read(65_536, 10_000)) {
      parts.push(part);
      // A turn of the event loop lets more arrive than was asked for.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(Buffer.compare(Buffer.concat(parts), data)).toBe(0);
  });
});
