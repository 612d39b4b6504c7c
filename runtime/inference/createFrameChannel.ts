import type { Readable, Writable } from "node:stream";
import { createFrameReader, createFrameWriter, encodeFrame, type Frame } from "./frames.ts";

/** Up to this many bytes are copied together rather than written one by one. */
const JOINED_BYTES = 128 * 1024;

/** The daemon's ends of the two pipes to its inference process. */
export interface FrameStreams {
  requests: Writable;
  replies: Readable;
}

/**
 * Sends frames and hands arriving ones to `onFrame`. What is sent in one turn of the event loop goes out together, in one system call: the other side wakes up
 * once. The parts of an arriving frame lie side by side in one buffer from `allocate`.
 */
export function createFrameChannel({ requests, replies }: FrameStreams, allocate: (bytes: number) => Uint8Array, onFrame: (frame: Frame) => void): { send(frame: Frame): void } {
  const joined = createFrameWriter(JOINED_BYTES);
  /** What goes out before what is joined. */
  let pieces: Uint8Array[] = [];
  let flushing = false;
  let chunk: Uint8Array = new Uint8Array(0);
  let used = 0;
  let target: Uint8Array | undefined;
  let filled = 0;
  /** Where the parts of the frame that arrives lie, side by side. */
  let room: Uint8Array = new Uint8Array(0);
  let roomUsed = 0;

  /** Copies what has arrived into a buffer of its own, until that is full. */
  const collect = (bytes: number, make: (bytes: number) => Uint8Array): Uint8Array | undefined => {
    target ??= make(bytes);
    const piece = chunk.subarray(used, used + target.length - filled);
    target.set(piece, filled);
    filled += piece.length;
    used += piece.length;
    if (filled < target.length) return undefined;
    const full = target;
    target = undefined;
    filled = 0;
    return full;
  };
  const reader = createFrameReader({
    takeHead: (bytes) => (target === undefined && chunk.length - used >= bytes ? chunk.subarray(used, (used += bytes)) : collect(bytes, (length) => new Uint8Array(length))),
    takePart(bytes, frameBytes) {
      if (target === undefined && room.length - roomUsed < bytes) {
        room = allocate(frameBytes);
        roomUsed = 0;
      }
      const part = collect(bytes, (length) => room.subarray(roomUsed, roomUsed + length));
      if (part === undefined) return undefined;
      roomUsed += bytes;
      if (roomUsed === room.length) [room, roomUsed] = [new Uint8Array(0), 0];
      return part;
    },
  });

  replies.on("data", (arrived: Uint8Array) => {
    chunk = arrived;
    used = 0;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) onFrame(frame);
  });

  const flush = (): void => {
    flushing = false;
    if (pieces.length === 0) return void requests.write(Buffer.from(joined.take()));
    collectJoined();
    requests.cork();
    for (const piece of pieces) requests.write(piece);
    requests.uncork();
    pieces = [];
  };
  const collectJoined = (): void => {
    if (joined.length > 0) pieces.push(Buffer.from(joined.take()));
  };

  return {
    send(frame) {
      if (!flushing) process.nextTick(flush);
      flushing = true;
      if (joined.add(frame)) return;
      collectJoined();
      if (!joined.add(frame)) pieces.push(...encodeFrame(frame));
    },
  };
}
