import { writevSync } from "node:fs";
import { encodeFrame, type Frame } from "./frames.ts";

/** Replies wait for each other for no longer than this many milliseconds, … */
const WAIT_MS = 0.25;
/** … and no more than these. */
const WAITING_BYTES = 64 * 1024;
const MAX_PIECES = 512;

/** Writes frames to a pipe, small ones together: whoever reads them is woken once. */
export function createReplyPipe(fd: number) {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let since = 0;

  const flush = (): void => {
    while (pieces.length > 0) {
      let written = writevSync(fd, pieces);
      while (pieces[0] !== undefined && written >= pieces[0].length) written -= (pieces.shift() as Uint8Array).length;
      if (pieces[0] !== undefined && written > 0) pieces[0] = pieces[0].subarray(written);
    }
    bytes = 0;
  };

  return {
    flush,
    /** Takes a frame, whose bytes must not change until it is written. */
    send(frame: Frame): void {
      const now = performance.now();
      if (pieces.length === 0) since = now;
      for (const piece of encodeFrame(frame)) {
        pieces.push(piece);
        bytes += piece.length;
      }
      if (now - since >= WAIT_MS || bytes >= WAITING_BYTES || pieces.length >= MAX_PIECES) flush();
    },
  };
}
