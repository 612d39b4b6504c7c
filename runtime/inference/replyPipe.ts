import { writeSync, writevSync } from "node:fs";
import { createFrameWriter, encodeFrame, type Frame } from "./frames.ts";

/** Replies wait for each other for no longer than this many milliseconds, … */
const WAIT_MS = 0.25;
/** … and no more than these. */
const WAITING_BYTES = 64 * 1024;

/** Writes frames to a pipe, small ones together: whoever reads them is woken once. */
export function createReplyPipe(fd: number) {
  const waiting = createFrameWriter(WAITING_BYTES);
  let since = 0;

  const flush = (): void => {
    if (waiting.length > 0) writeAll(waiting.take());
  };

  const writeAll = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  };

  return {
    flush,
    /** Writes what waits, unless something that takes so many milliseconds is over before that has waited too long. */
    flushBefore(milliseconds: number): void {
      if (waiting.length > 0 && performance.now() - since + milliseconds >= WAIT_MS) flush();
    },
    /** Takes a frame, whose bytes may change afterwards. */
    send(frame: Frame): void {
      const now = performance.now();
      if (waiting.length === 0) since = now;
      if (!waiting.add(frame)) {
        flush();
        since = now;
        if (!waiting.add(frame)) return writeAllAt(fd, encodeFrame(frame));
      }
      if (now - since >= WAIT_MS) flush();
    },
  };
}

/** Most pieces that one system call takes (`IOV_MAX`), and bytes: Node and Linux count them with 31 bits. */
const CALL_PIECES = 1024;
const CALL_BYTES = 2 ** 30;

/** Writes all of the pieces one after the other, from `place` on if it is given. */
export function writeAllAt(fd: number, pieces: readonly Uint8Array[], place?: number): void {
  const left = [...pieces];
  for (let at = place; left.length > 0; ) {
    const count = writeSome(fd, left, at);
    if (at !== undefined) at += count;
    let written = count;
    while (left[0] !== undefined && written >= left[0].length) written -= (left.shift() as Uint8Array).length;
    if (left[0] !== undefined && written > 0) left[0] = left[0].subarray(written);
  }
}

/** Writes as many of the pieces, the first of which is there, as one call may; the number of bytes that it wrote. */
function writeSome(fd: number, pieces: readonly Uint8Array[], place: number | undefined): number {
  const [first] = pieces as [Uint8Array];
  const call: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    bytes += piece.length;
    if (call.length === CALL_PIECES || bytes > CALL_BYTES) break;
    call.push(piece);
  }
  return call.length > 1 ? writevSync(fd, call, place) : writeSync(fd, first, 0, Math.min(first.length, CALL_BYTES), place);
}
