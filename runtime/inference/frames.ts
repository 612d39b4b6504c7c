import type { Duplex } from "node:stream";

/** A message between the daemon and its inference process: a JSON object and raw byte strings. */
export interface Frame {
  header: Record<string, unknown>;
  parts: Uint8Array[];
}

const LENGTHS_BYTES = 8;

/**
 * Sends frames over a byte stream and hands arriving ones to `onFrame`. Layout: u32 bytes of JSON, u32 number of parts, one
 * f64 length a part (all little-endian), the JSON, the parts. Each arriving part has a buffer of its own, from `allocate`.
 */
export function createFrameChannel(stream: Duplex, allocate: (bytes: number) => Uint8Array, onFrame: (frame: Frame) => void) {
  let target: Uint8Array = new Uint8Array(LENGTHS_BYTES);
  let filled = 0;
  let state: "lengths" | "sizes" | "header" | "part" = "lengths";
  let sizes: number[] = [];
  let headerBytes = 0;
  let partCount = 0;
  let header: Record<string, unknown> = {};
  let parts: Uint8Array[] = [];

  const expect = (next: typeof state, bytes: Uint8Array): void => {
    state = next;
    target = bytes;
    filled = 0;
  };

  const nextPart = (): void => {
    const size = sizes[parts.length];
    if (size === undefined) {
      const frame = { header, parts };
      header = {};
      parts = [];
      expect("lengths", new Uint8Array(LENGTHS_BYTES));
      onFrame(frame);
    } else {
      expect("part", allocate(size));
    }
  };

  /** Called whenever `target` is full; a target of zero bytes is full at once. */
  const advance = (): void => {
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    if (state === "lengths") {
      headerBytes = view.getUint32(0, true);
      partCount = view.getUint32(4, true);
      expect("sizes", new Uint8Array(partCount * 8));
    } else if (state === "sizes") {
      sizes = Array.from({ length: partCount }, (_, i) => view.getFloat64(i * 8, true));
      expect("header", new Uint8Array(headerBytes));
    } else if (state === "header") {
      header = JSON.parse(Buffer.from(target.buffer, target.byteOffset, target.byteLength).toString("utf8")) as Record<string, unknown>;
      nextPart();
    } else {
      parts.push(target);
      nextPart();
    }
  };

  stream.on("data", (chunk: Uint8Array) => {
    let used = 0;
    while (used < chunk.length) {
      const take = Math.min(target.length - filled, chunk.length - used);
      target.set(take === chunk.length ? chunk : chunk.subarray(used, used + take), filled);
      filled += take;
      used += take;
      while (filled === target.length) advance();
    }
  });

  return {
    send(frame: Frame): void {
      const json = new TextEncoder().encode(JSON.stringify(frame.header));
      const head = new Uint8Array(LENGTHS_BYTES + frame.parts.length * 8 + json.length);
      const view = new DataView(head.buffer);
      view.setUint32(0, json.length, true);
      view.setUint32(4, frame.parts.length, true);
      frame.parts.forEach((part, i) => view.setFloat64(LENGTHS_BYTES + i * 8, part.length, true));
      head.set(json, LENGTHS_BYTES + frame.parts.length * 8);
      // One system call for all of it: the other side wakes up once.
      stream.cork();
      stream.write(head);
      for (const part of frame.parts) if (part.length > 0) stream.write(part);
      stream.uncork();
    },
  };
}

export type FrameChannel = ReturnType<typeof createFrameChannel>;
