import { GainsayError } from "../../../protocol/errors.ts";
import type { PeerTarget } from "../addresses.ts";
import { deferred } from "../deferred.ts";
import { networkLimits } from "../limits.ts";
import { aborted } from "../withDeadline.ts";
import type { BlobVerifier } from "./createBlobAssembly.ts";
import type { Slots } from "./createSlots.ts";
import type { StreamPool } from "./createStreamPool.ts";
import { type Listed, type ListedWish, receiveListed, requestListed } from "./receiveListed.ts";

const { leafBytes, listed: limits } = networkLimits.blob;

export interface AskOptions {
  signal: AbortSignal | undefined;
  /** Milliseconds for each frame. */
  timeoutMs: number;
}

/** Asks peers for lists with their tensors. What a peer is to be asked for while it answers others goes out together: most of what a small trace costs is its exchange. */
export interface ListAsker {
  /**
   * Resolves to undefined if the peer does not answer this way, or not with the lengths that were asked for.
   * @throws GainsayError `ABORTED`, and as {@link receiveListed} does. What is left of several that shared an exchange which broke off is asked for once more, one by one.
   */
  ask(target: PeerTarget, wish: ListedWish, options: AskOptions): Promise<Listed | undefined>;
  /** Ends all that is under way. */
  stop(): void;
}

interface Asked {
  wish: ListedWish;
  timeoutMs: number;
  settled: boolean;
  resolve(listed: Listed | undefined): void;
  reject(error: unknown): void;
  /** Called when its caller has withdrawn it. */
  onWithdrawn(): void;
}

/** What waits for its turn at one peer, and how many exchanges are under way. */
interface Lane {
  waiting: Asked[];
  running: number;
}

export function createListAsker({ streams, slots, verify }: { streams: StreamPool; slots: Slots; verify: BlobVerifier }): ListAsker {
  const lanes = new Map<string, Lane>();
  const exchanges = new Set<AbortController>();

  /** Answers all that are asked for, in one exchange with the peer. */
  const exchange = async (target: PeerTarget, shared: readonly Asked[]): Promise<void> => {
    const stop = new AbortController();
    exchanges.add(stop);
    for (const asked of shared) asked.onWithdrawn = () => (shared.every(({ settled }) => settled) ? stop.abort() : undefined);
    try {
      await slots.run(target.peer.toString(), () => converse(target, shared, stop.signal), stop.signal);
    } catch (error) {
      await giveUp(target, shared, stop.signal.aborted ? aborted(stop.signal) : error);
    } finally {
      exchanges.delete(stop);
    }
  };

  const converse = (target: PeerTarget, shared: readonly Asked[], signal: AbortSignal): Promise<void> =>
    streams.use(target, signal, async (frames, kept) => {
      const peer = target.peer.toString();
      const left = shared.filter(({ settled }) => !settled);
      const [first, ...more] = left;
      if (first === undefined || !kept) {
        for (const asked of left) asked.resolve(undefined);
        return frames.abort(new GainsayError("Nothing is to be asked on this stream.", { code: "FRAME_INTERRUPTED" }));
      }
      await requestListed(frames, [first.wish, ...more.map(({ wish }) => wish)], peer, first.timeoutMs);
      for (const asked of left) {
        try {
          asked.resolve(await receiveListed(frames, asked.wish, verify, peer, asked.timeoutMs));
        } catch (error) {
          // The only failure after which the stream goes on.
          if (!(error instanceof GainsayError && error.code === "BLOB_NOT_FOUND")) throw error;
          asked.reject(error);
        }
      }
    });

  const giveUp = async (target: PeerTarget, shared: readonly Asked[], error: unknown): Promise<void> => {
    const [atFault, ...others] = shared.filter(({ settled }) => !settled);
    if (atFault === undefined) return;
    const code = error instanceof GainsayError ? error.code : undefined;
    if (code === "BLOB_INTERRUPTED" && shared.length > 1) {
      // One that the peer cannot read must not take the others with it, time and again.
      await Promise.all([atFault, ...others].map((asked) => exchange(target, [asked])));
      return;
    }
    atFault.reject(error);
    // It is one response that is proved wrong; the peer has then been heard for the last time.
    for (const asked of others) asked.reject(code === "BLOB_CORRUPT" ? new GainsayError("The peer has sent wrong data to another request.", { code: "BLOB_INTERRUPTED", retryable: true, details: { peer: target.peer.toString() } }) : error);
  };

  const startThoseDue = (target: PeerTarget, lane: Lane): void => {
    while (lane.waiting.length > 0 && (lane.running === 0 || takenFrom(lane.waiting) < lane.waiting.length || lane.waiting.length >= limits.maxShared)) {
      lane.running += 1;
      void exchange(target, lane.waiting.splice(0, takenFrom(lane.waiting))).finally(() => {
        lane.running -= 1;
        startThoseDue(target, lane);
      });
    }
    if (lane.running === 0) lanes.delete(target.peer.toString());
  };

  const wait = (target: PeerTarget, asked: Asked): void => {
    const peer = target.peer.toString();
    const known = lanes.get(peer);
    const lane = known ?? { waiting: [], running: 0 };
    lane.waiting.push(asked);
    asked.onWithdrawn = () => void (lane.waiting = lane.waiting.filter((one) => one !== asked));
    lanes.set(peer, lane);
    // After all that are asked for in the same turn.
    if (known === undefined) queueMicrotask(() => startThoseDue(target, lane));
    else if (lane.running > 0) startThoseDue(target, lane);
  };

  return {
    async ask(target, wish, { signal, timeoutMs }) {
      if (signal?.aborted === true) throw aborted(signal);
      const { promise, resolve, reject } = deferred<Listed | undefined>();
      const settle = (how: () => void): void => {
        if (asked.settled) return;
        asked.settled = true;
        how();
      };
      const asked: Asked = { wish, timeoutMs, settled: false, resolve: (listed) => settle(() => resolve(listed)), reject: (error) => settle(() => reject(error)), onWithdrawn: () => undefined };
      const onAbort = (): void => {
        asked.reject(aborted(signal as AbortSignal));
        asked.onWithdrawn();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      // A peer first runs the block of an inner list, which nothing is to wait for.
      if (wish.list.kind === "inner") void exchange(target, [asked]);
      else wait(target, asked);
      try {
        return await promise;
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    },
    stop() {
      for (const { waiting } of lanes.values()) for (const asked of waiting.splice(0)) asked.reject(new GainsayError("The network was stopped.", { code: "ABORTED", retryable: true }));
      for (const stop of exchanges) stop.abort();
    },
  };
}

/** How many of those that wait, from the first on, share one exchange: of one deadline, and of no more bytes than one response may have. */
function takenFrom(waiting: readonly Asked[]): number {
  const [first] = waiting;
  let bytes = 0;
  let count = 0;
  for (const { wish, timeoutMs } of waiting) {
    bytes += wish.lengths.reduce((sum, length) => sum + length, wish.lengths.length * leafBytes);
    if (count > 0 && (timeoutMs !== first?.timeoutMs || bytes > limits.maxBytes || count === limits.maxShared)) break;
    count += 1;
  }
  return count;
}
