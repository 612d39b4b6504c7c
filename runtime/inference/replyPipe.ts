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

  const writePieces = (pieces: Uint8Array[]): void => {
    while (pieces.length > 0) {
      let written = writevSync(fd, pieces);
      while (pieces[0] !== undefined && written >= pieces[0].length) written -= (pieces.shift() as Uint8Array).length;
      if (pieces[0] !== undefined && written > 0) pieces[0] = pieces[0].subarray(written);
    }
  };

  return {
    flush,
    /** Takes a frame, whose bytes may change afterwards. */
    send(frame: Frame): void {
      const now = performance.now();
      if (waiting.length === 0) since = now;
      if (!waiting.add(frame)) {
        flush();
        since = now;
        if (!waiting.add(frame)) return writePieces(encodeFrame(frame));
      }
      if (now - since >= WAIT_MS) flush();
    },
  };
}
