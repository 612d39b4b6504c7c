import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import type { Frames } from "./openFrames.ts";

const { paceGraceMs, leastBytesPerSecond } = networkLimits.blob;

/**
 * Frames whose reader has to keep a pace: what a response waits for it altogether is bounded by a fixed time and by its bytes. Without that a reader who takes
 * a frame just before each deadline holds its place for hours. `write` throws `PEER_TOO_SLOW` besides; what the server itself takes does not count.
 */
export function pacedFrames(frames: Pick<Frames, "write">, now: () => number = () => performance.now()): Pick<Frames, "write"> {
  let waited = 0;
  let sent = 0;
  return {
    async write(piece, timeoutMs) {
      const started = now();
      await frames.write(piece, timeoutMs);
      waited += now() - started;
      sent += piece instanceof Uint8Array ? piece.length : piece.reduce((sum, { length }) => sum + length, 0);
      if (waited > paceGraceMs + (sent / leastBytesPerSecond) * 1000) throw new GainsayError("The peer takes the data too slowly.", { code: "PEER_TOO_SLOW", details: { waitedMs: Math.round(waited), sent } });
    },
  };
}
