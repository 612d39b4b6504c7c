import { networkLimits } from "./limits.ts";

/** The bad record of peers, in points that halve with time. */
export interface Penalties {
  /** Adds points to a peer's record. */
  add(peer: string, points: number): void;
  /** Points of a peer now; zero for a stranger. */
  points(peer: string): number;
  /** True while a peer's points are at or over the limit at which it is cut off. */
  isBanned(peer: string): boolean;
}

/** @param now milliseconds. */
export function createPenalties(now: () => number): Penalties {
  const { halfLifeMs, banAt, trackedPeers } = networkLimits.penalty;
  const records = new Map<string, { points: number; at: number }>();

  function points(peer: string): number {
    const record = records.get(peer);
    return record === undefined ? 0 : record.points * 2 ** (-Math.max(0, now() - record.at) / halfLifeMs);
  }

  return {
    points,
    add(peer, added) {
      const total = points(peer) + added;
      records.delete(peer);
      records.set(peer, { points: total, at: now() });
      if (records.size > trackedPeers) records.delete(records.keys().next().value ?? peer);
    },
    isBanned: (peer) => points(peer) >= banAt,
  };
}
