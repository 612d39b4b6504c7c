import { HASH_BYTES, hashPairs } from "./sha256.ts";

/** Trees of up to so many levels are worth filling up with missing leaves. */
export const SMALL_HEIGHT = 8;

/** Where trees of one height are hashed, level by level: made once, since there are dozens of trees a job. */
interface Place {
  leaves: Uint8Array;
  levels: readonly { nodes: Uint8Array; above: Uint8Array }[];
  top: Uint8Array;
}

const places: Place[] = [];

/** The nodes of a level and those above it lie in two rooms in turn, which all heights share. */
const rooms = [new Uint8Array(HASH_BYTES * 2 ** SMALL_HEIGHT), new Uint8Array(HASH_BYTES * 2 ** (SMALL_HEIGHT - 1))] as const;

function placeOf(height: number): Place {
  const level = (up: number): Uint8Array => rooms[up % 2 === 0 ? 0 : 1].subarray(0, HASH_BYTES * 2 ** (height - up));
  return (places[height] ??= { leaves: level(0), levels: Array.from({ length: height }, (_, up) => ({ nodes: level(up), above: level(up + 1) })), top: level(height) });
}

/** Top of one complete tree of 2^`height` leaves, `height` from 1 to `SMALL_HEIGHT`, of which those that `nodes` does not have are missing, that is, zero. The next call overwrites it. */
export function treeTop(nodes: Uint8Array, height: number): Uint8Array {
  const { leaves, levels, top } = placeOf(height);
  leaves.set(nodes, 0);
  if (nodes.length < leaves.length) leaves.fill(0, nodes.length);
  for (const { nodes: below, above } of levels) hashPairs(below, above);
  return top;
}
