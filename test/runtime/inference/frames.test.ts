import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameChannel, type Frame } from "../../../runtime/inference/frames.ts";

describe("createFrameChannel", () => {
  it("gives back every frame, however the stream is cut into pieces", async () => {
    const frame = fc.record({ header: fc.dictionary(fc.string(), fc.string()), parts: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), async (frames, cuts) => {
        const wire = new PassThrough();
        const pieces: Buffer[] = [];
        wire.on("data", (piece: Buffer) => pieces.push(piece));
        const sender = createFrameChannel(wire, (bytes) => new Uint8Array(bytes), () => undefined);
        for (const each of frames) sender.send(each);
        wire.end();
        await new Promise((resolve) => wire.once("end", resolve));
        const sent = Buffer.concat(pieces);

        const received: Frame[] = [];
        const arriving = new PassThrough();
        createFrameChannel(arriving, (bytes) => new Uint8Array(new SharedArrayBuffer(bytes)), (each) => received.push(each));
        for (let at = 0, i = 0; at < sent.length; i++) {
          const length = cuts[i % cuts.length]!;
          arriving.emit("data", sent.subarray(at, at + length));
          at += length;
        }
        expect(received.map(({ header, parts }) => ({ header, parts: parts.map((part) => [...part]) }))).toEqual(
          frames.map(({ header, parts }) => ({ header: JSON.parse(JSON.stringify(header)), parts: parts.map((part) => [...part]) })),
        );
      }),
      { numRuns: 50 },
    );
  });
});
