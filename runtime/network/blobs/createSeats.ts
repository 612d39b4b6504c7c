import { networkLimits } from "../limits.ts";

const limits = networkLimits.blob;

/** The place of one served stream. */
export interface Seat {
  /** To be called when a request has come. False if too many are being served. */
  begin(): boolean;
  /** To be called when its response has left: until the next request the stream only waits. */
  rest(): void;
  leave(): void;
}

/** Counts the streams that are served, and those that wait for their next request. */
export interface Seats {
  /**
   * A place for a stream that has just been opened, which counts as being served until its first response has left; undefined if there is none.
   * @param close called when the stream waits and its place is needed.
   */
  enter(peer: string, close: () => void): Seat | undefined;
}

/** Streams that wait cost next to nothing, so they take no place from those that are served; of one peer, all are counted together. */
export function createSeats(): Seats {
  const byPeer = new Map<string, number>();
  /** The one that has waited longest first. */
  const idle = new Map<Seat, () => void>();
  let serving = 0;

  return {
    enter(peer, close) {
      const open = byPeer.get(peer) ?? 0;
      if (open >= limits.maxServedStreamsPerPeer || serving >= limits.maxServedStreams) return undefined;
      byPeer.set(peer, open + 1);
      serving += 1;
      const seat: Seat = {
        begin() {
          if (!idle.has(seat)) return true;
          if (serving >= limits.maxServedStreams) return false;
          idle.delete(seat);
          serving += 1;
          return true;
        },
        rest() {
          serving -= 1;
          idle.set(seat, close);
          const [oldest] = idle;
          if (idle.size <= limits.maxIdleServedStreams || oldest === undefined) return;
          // Its place is free when it has left.
          oldest[1]();
        },
        leave() {
          if (!idle.delete(seat)) serving -= 1;
          const left = (byPeer.get(peer) ?? 1) - 1;
          if (left === 0) byPeer.delete(peer);
          else byPeer.set(peer, left);
        },
      };
      return seat;
    },
  };
}
