import { PassThrough } from "node:stream";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameChannel } from "../../../runtime/inference/createFrameChannel.ts";
import { createRing, fillRing, RING_BYTES, ringSource, type Read, type Ring } from "../../../runtime/inference/frameRing.ts";
import { createFrameReader, encodeFrame, FRAME_ALIGNMENT, type Frame } from "../../../runtime/inference/frames.ts";

const anyFrame = fc.record({ header: fc.dictionary(fc.string(), fc.string()), parts: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }) });
const plain = ({ header, parts }: Frame) => ({ header: JSON.parse(JSON.stringify(header)) as object, parts: parts.map((part) => [...part]) });

describe("createFrameChannel", () => {
  it("gives back every frame, however the stream is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), async (frames, cuts) => {
        const wire = new PassThrough();
        const pieces: Buffer[] = [];
        wire.on("data", (piece: Buffer) => pieces.push(piece));
        const sender = createFrameChannel({ requests: wire, replies: new PassThrough() }, (bytes) => new Uint8Array(bytes), () => undefined);
        for (const each of frames) sender.send(each);
        await new Promise((resolve) => process.nextTick(resolve));
        wire.end();
        await new Promise((resolve) => wire.once("end", resolve));
        const sent = Buffer.concat(pieces);

        const received: Frame[] = [];
        const arriving = new PassThrough();
        createFrameChannel({ requests: new PassThrough(), replies: arriving }, (bytes) => new Uint8Array(new SharedArrayBuffer(bytes)), (each) => received.push(each));
        for (let at = 0, i = 0; at < sent.length; i++) {
          const length = cuts[i % cuts.length]!;
          arriving.emit("data", sent.subarray(at, at + length));
          at += length;
        }
        expect(received.map(plain)).toEqual(frames.map(plain));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a ring of bytes between two threads", () => {
  /** Frames of these sizes through a ring that another thread fills, in pieces of up to `piece` bytes. */
  async function through(frames: readonly Frame[], piece: number): Promise<Frame[]> {
    const ring = createRing();
    const bytes = new Uint8Array(Buffer.concat(frames.flatMap(encodeFrame)));
    const script = `
      import { workerData } from "node:worker_threads";
      const { fillRing } = await import(workerData.module);
      const { bytes, piece, ring } = workerData;
      let at = 0;
      fillRing(ring, (target, offset, length) => {
        const part = bytes.subarray(at, at + Math.min(length, piece));
        target.set(part, offset);
        at += part.length;
        return part.length;
      });`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: { module: new URL("../../../runtime/inference/frameRing.ts", import.meta.url).href, bytes, piece, ring } });
    await new Promise((resolve) => worker.once("online", resolve));
    const source = ringSource(ring);
    const reader = createFrameReader(source);
    const received: Frame[] = [];
    for (;;) {
      const { closed } = source;
      const frame = reader.next();
      if (frame !== undefined) {
        // A frame's bytes are its own only until they are released.
        received.push({ header: frame.header, parts: frame.parts.map((part) => new Uint8Array(part)) });
        source.release();
      } else if (closed) break;
      else source.wait();
    }
    await worker.terminate();
    return received;
  }

  const filled = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17) & 255);

  /** Lets all of these bytes in. */
  const fill = (ring: Ring, bytes: Uint8Array): void => {
    let at = 0;
    fillRing(ring, (target, offset, length) => {
      const piece = bytes.subarray(at, at + length);
      target.set(piece, offset);
      at += piece.length;
      return piece.length;
    });
  };

  it("carries more bytes than it holds, in frames of every length", async () => {
    const lengths = [[0], [1, 7], [700_000, 3], [5], [RING_BYTES + 13, 9], [1_000_000], [1_000_001, 400_000], [], [300_000, 300_000, 300_000], [RING_BYTES / 4 - 8], [64]];
    const frames = [...lengths, ...lengths].map((parts, at) => ({ header: { at }, parts: parts.map((length, i) => filled(length, at + i)) }));
    const received = await through(frames, 250_000);
    expect(received.map(({ header }) => header)).toEqual(frames.map(({ header }) => header));
    received.forEach(({ parts }, at) => {
      expect(parts.length).toBe(frames[at]!.parts.length);
      parts.forEach((part, i) => expect(Buffer.compare(part, frames[at]!.parts[i]!)).toBe(0));
    });
  });

  it.each([
    ["until a thread does it", () => true],
    ["unless a thread is to do it, now and again", (at: number) => at < 200 || at % 7 < 2],
    ["and hardly ever by the thread", (at: number) => at % 50 === 0],
  ] as const)("is filled by whoever waits %s, and never by both", async (_, wanted) => {
    const ring = createRing();
    const frames = Array.from({ length: 4_000 }, (_, at) => ({ header: { at }, parts: [filled(at % 900, at)] }));
    const bytes = Buffer.concat(frames.flatMap(encodeFrame));
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    /** Place in the bytes, how many read, and whether two ever did at once. */
    const state = new Int32Array(new SharedArrayBuffer(12));
    const reading = `(target, offset, length) => {
      if (Atomics.add(state, 1, 1) !== 0) Atomics.store(state, 2, 1);
      const at = Atomics.load(state, 0);
      const part = shared.subarray(at, at + Math.min(length, 700));
      target.set(part, offset);
      Atomics.store(state, 0, at + part.length);
      Atomics.sub(state, 1, 1);
      return part.length;
    }`;
    const script = `
      import { workerData } from "node:worker_threads";
      const { fillRing } = await import(workerData.module);
      const { shared, state, ring } = workerData;
      fillRing(ring, ${reading});`;
    const read = new Function("shared", "state", `return ${reading}`)(shared, state) as Read;
    let own = 0;
    const source = ringSource(ring, (target, offset, length) => {
      own++;
      return read(target, offset, length);
    });
    const reader = createFrameReader(source);
    let worker: Worker | undefined;
    let at = 0;
    for (;;) {
      const { closed } = source;
      const frame = reader.next();
      if (frame !== undefined) {
        expect(frame.header).toEqual({ at });
        expect(Buffer.compare(frame.parts[0]!, frames[at]!.parts[0]!)).toBe(0);
        at++;
        source.release();
        source.readAhead(wanted(at));
        if (at === 100) {
          worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: { module: new URL("../../../runtime/inference/frameRing.ts", import.meta.url).href, shared, state, ring } });
          // It says so in the ring when it is there.
          while (Atomics.load(ring.control, 5) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        // The thread gets its turn in the middle of it, however fast this one is.
        if (at % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      } else if (closed) break;
      else source.wait();
    }
    await worker?.terminate();
    expect(at).toBe(frames.length);
    expect(state[2]).toBe(0);
    expect(own).toBeGreaterThan(0);
    expect(own * 700).toBeLessThan(bytes.length);
  });

  it("is not read by whoever waits when there is more in it than at the last look", () => {
    const ring = createRing();
    let reads = 0;
    const source = ringSource(ring, () => (reads++, 0));
    const reader = createFrameReader(source);
    expect(reader.next()).toBeUndefined();
    // As the thread does before it gives up the pipe.
    const frame = { header: { late: true }, parts: [filled(100, 1)] };
    const bytes = Buffer.concat(encodeFrame(frame));
    ring.bytes.set(bytes);
    ring.control[0] = bytes.length;
    ring.control[3]!++;
    source.wait();
    expect(reads).toBe(0);
    expect(plain(reader.next()!)).toEqual(plain(frame));
    source.wait();
    expect(reads).toBe(1);
  });

  it("is closed by whoever reads the end", () => {
    const source = ringSource(createRing(), () => 0);
    source.wait();
    expect(source.closed).toBe(true);
  });

  it("gives views of what it holds, at offsets that elements of every type may have", () => {
    const ring = createRing();
    const bytes = new Uint8Array(Buffer.concat([{ header: { a: "é" }, parts: [filled(3, 1), filled(16, 2)] }].flatMap(encodeFrame)));
    let done = false;
    fillRing(ring, (target, offset) => (done ? 0 : ((done = true), target.set(bytes, offset), bytes.length)));
    const frame = createFrameReader(ringSource(ring)).next()!;
    expect(plain(frame)).toEqual(plain({ header: { a: "é" }, parts: [filled(3, 1), filled(16, 2)] }));
    for (const part of frame.parts) {
      expect(part.buffer).toBe(ring.bytes.buffer);
      expect(part.byteOffset % FRAME_ALIGNMENT).toBe(0);
    }
  });

  it("gives up whole frames together, and nothing of one of which a part is here", () => {
    const ring = createRing();
    const source = ringSource(ring);
    const reader = createFrameReader(source);
    const frames = [1, 2, 3].map((seed) => ({ header: { seed }, parts: [filled(500_000, seed), filled(500_000, seed + 10)] }));
    const bytes = Buffer.concat(frames.flatMap(encodeFrame));
    const early = bytes.length - 250_000;
    const same = (frame: Frame | undefined, index: number): void => frame!.parts.forEach((part, i) => expect(Buffer.compare(part, frames[index]!.parts[i]!)).toBe(0));
    // Two frames, and of the third one a part and a half.
    fill(ring, bytes.subarray(0, early));
    const [first, second] = [reader.next(), reader.next()];
    expect(reader.next()).toBeUndefined();
    same(first, 0);
    same(second, 1);
    source.release();
    expect(ring.control[1]).toBe(2 * (bytes.length / 3));
    fill(ring, bytes.subarray(early));
    // What comes next does not fit behind it, so its end is at the ring's start.
    same(reader.next(), 2);
    source.release();
    expect(ring.control[1]).toBe(bytes.length);
  });

  it("keeps what it has copied of a frame that is not whole when the ones before it are given up", () => {
    const ring = createRing();
    const source = ringSource(ring);
    const reader = createFrameReader(source);
    const small = { header: {}, parts: [filled(100, 1)] };
    // Longer than the ring may hold: copied as it comes, over a view that is in use.
    const long = { header: { long: true }, parts: [filled(RING_BYTES + 100_000, 2), filled(200_000, 3)] };
    const bytes = Buffer.concat(encodeFrame(long));
    const head = Buffer.concat(encodeFrame(small));
    // The ring is full then, but for what the end is read into.
    const early = RING_BYTES - head.length - 64;
    fill(ring, Buffer.concat([head, bytes.subarray(0, early)]));
    const first = reader.next()!;
    expect(reader.next()).toBeUndefined();
    expect(ring.control[1]).toBe(0);
    expect(Buffer.compare(first.parts[0]!, small.parts[0]!)).toBe(0);
    source.release();
    expect(ring.control[1]).toBe(RING_BYTES - 64);
    expect(reader.next()).toBeUndefined();
    fill(ring, bytes.subarray(early));
    const whole = reader.next()!;
    whole.parts.forEach((part, i) => expect(Buffer.compare(part, long.parts[i]!)).toBe(0));
    source.release();
    expect(ring.control[1]).toBe(ring.control[0]);
  });

  it("gives up nothing of a frame that is in use, even where a part runs over the end", () => {
    const ring = createRing();
    const source = ringSource(ring);
    const reader = createFrameReader(source);
    const early = [1, 2, 3, 4].map((seed) => ({ header: {}, parts: [filled(1_000_000, seed)] }));
    fill(ring, Buffer.concat(early.flatMap(encodeFrame)));
    for (const frame of early) {
      expect(Buffer.compare(reader.next()!.parts[0]!, frame.parts[0]!)).toBe(0);
      source.release();
    }
    const given = [...ring.control];
    const late = { header: {}, parts: [filled(100_000, 5), filled(150_000, 6), filled(50_000, 7)] };
    fill(ring, Buffer.concat(encodeFrame(late)));
    const frame = reader.next()!;
    expect(ring.control[1]).toBe(given[1]);
    frame.parts.forEach((part, i) => expect(Buffer.compare(part, late.parts[i]!)).toBe(0));
    expect(frame.parts.map((part) => part.buffer === ring.bytes.buffer)).toEqual([true, false, true]);
    // Memory of WebAssembly, which starts at a page: the address is a multiple as well.
    for (const part of frame.parts) expect([part.buffer instanceof SharedArrayBuffer, part.byteOffset % FRAME_ALIGNMENT]).toEqual([true, 0]);
    source.release();
    expect(ring.control[1]).toBe(ring.control[0]);
  });
});
