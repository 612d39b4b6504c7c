import type { Stream } from "@libp2p/interface";
import { GainsayError } from "../../../protocol/errors.ts";
import type { PeerTarget } from "../addresses.ts";
import { networkLimits } from "../limits.ts";
import { aborted } from "../withDeadline.ts";
import { keptBlobProtocol } from "./blobMessages.ts";
import { type Frames, openFrames } from "./openFrames.ts";

const limits = networkLimits.blob;

/** A stream with nothing on its way. */
interface Idle {
  frames: Frames;
  timer: NodeJS.Timeout;
}

/** Streams to peers, used again where the peer keeps them open: opening one costs more than most of what is asked on it. */
export interface StreamPool {
  /**
   * Runs one exchange with a peer on a stream that is free, or a new one. The work must have read its whole response when it resolves, or have reset the
   * stream. On a kept stream that breaks off the exchange is tried once more on a new one, since the peer may have closed it meanwhile.
   * @throws GainsayError `ABORTED`, and what opening a stream and the work throw.
   */
  use<T>(target: PeerTarget, signal: AbortSignal | undefined, work: (frames: Frames, kept: boolean) => Promise<T>): Promise<T>;
  /** Closes all that are free. */
  close(): void;
}

export function createStreamPool(open: (target: PeerTarget, signal: AbortSignal | undefined) => Promise<Stream>): StreamPool {
  /** Those of each peer; the one that was free first is first. */
  const free = new Map<Idle, string>();

  const drop = (idle: Idle): void => {
    clearTimeout(idle.timer);
    free.delete(idle);
    void idle.frames.finish(limits.readTimeoutMs);
  };

  const take = (peer: string): Frames | undefined => {
    for (const [idle, owner] of [...free].reverse()) {
      if (owner !== peer) continue;
      clearTimeout(idle.timer);
      free.delete(idle);
      if (idle.frames.open) return idle.frames;
    }
    return undefined;
  };

  const keep = (peer: string, frames: Frames): void => {
    const idle: Idle = { frames, timer: setTimeout(() => drop(idle), limits.fetchIdleMs) };
    idle.timer.unref();
    free.set(idle, peer);
    const [oldest] = free.keys();
    if (free.size > limits.maxIdleFetchStreams && oldest !== undefined) drop(oldest);
  };

  const exchange = async <T>(frames: Frames, kept: boolean, peer: string, signal: AbortSignal | undefined, work: (frames: Frames, kept: boolean) => Promise<T>): Promise<T> => {
    const onAbort = (): void => frames.abort(aborted(signal as AbortSignal));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await work(frames, kept);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      // All that was asked for has come and is verified: how the peer ends the stream is no reason to wait, or to fail.
      if (!kept) void frames.finish(limits.readTimeoutMs);
      else if (frames.open) keep(peer, frames);
    }
  };

  return {
    async use(target, signal, work) {
      const peer = target.peer.toString();
      const idle = take(peer);
      if (idle !== undefined) {
        try {
          return await exchange(idle, true, peer, signal, work);
        } catch (error) {
          if (signal?.aborted === true || !(error instanceof GainsayError && error.code === "BLOB_INTERRUPTED")) throw error;
        }
      }
      const stream = await open(target, signal);
      return exchange(openFrames(stream), stream.protocol === keptBlobProtocol, peer, signal, work);
    },
    close() {
      for (const idle of [...free.keys()]) drop(idle);
    },
  };
}
