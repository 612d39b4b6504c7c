import { HASH_BYTES, hashPairs } from "./sha256.ts";

/** Trees of up to so many levels are worth filling up with missing leaves. */
export const SMALL_HEIGHT = 8;

const rooms: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];

/** Room for so many bytes of nodes, twice. */
function roomsFor(bytes: number): [Uint8Array, Uint8Array] {
  for (const i of [0, 1] as const) if (rooms[i].length < bytes) rooms[i] = new Uint8Array(bytes);
  return rooms;
}

/** Top of one complete tree of 2^`height` leaves, of which those that `leaves` does not have are missing, that is, zero. The next call overwrites it. */
export function treeTop(leaves: Uint8Array, height: number): Uint8Array {
  let bytes = HASH_BYTES * 2 ** height;
  let [level, above] = roomsFor(bytes);
  level.set(leaves, 0);
  if (leaves.length < bytes) level.fill(0, leaves.length, bytes);
  for (; bytes > HASH_BYTES; bytes /= 2) {
    hashPairs(level.subarray(0, bytes), above.subarray(0, bytes / 2));
    [level, above] = [above, level];
  }
  return level.subarray(0, HASH_BYTES);
}
