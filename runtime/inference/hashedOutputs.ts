import { toHex, type Hex } from "../../protocol/hex.ts";
import { HASH_BYTES } from "../../protocol/trees/sha256.ts";
import { INLINE_BYTES } from "../hashing/inlineBytes.ts";
import { chunkCount, tensorRootFromLeaves, writeLeaves } from "../../protocol/trees/tensorTree.ts";

/** Tensor root and hashes of the chunks of an output. */
export interface HashedOutput {
  root: Hex;
  leaves: Uint8Array;
}

let room = new Uint8Array(0);

/**
 * Hashes the first `count` outputs as committed tensors, but for those that are left to hashing threads, and puts what comes out behind each other: root and chunk hashes of
 * each. Overwritten by the next call; undefined if none is hashed.
 */
export function hashOutputs(outputs: readonly Uint8Array[], count: number): Uint8Array | undefined {
  const hashed = outputs.slice(0, count).filter((output) => hashedLength(output) > 0);
  const bytes = hashed.reduce((sum, { length }) => sum + HASH_BYTES * (1 + chunkCount(length)), 0);
  if (room.length < bytes) room = new Uint8Array(bytes);
  let at = 0;
  for (const output of hashed) {
    const leavesAt = at + HASH_BYTES;
    const end = leavesAt + HASH_BYTES * chunkCount(output.length);
    writeLeaves(output, room, leavesAt);
    room.set(tensorRootFromLeaves(room.subarray(leavesAt, end), output.length), at);
    at = end;
  }
  return at === 0 ? undefined : room.subarray(0, at);
}

/** Calls `take` with each hashed output; `lengths` are those of all outputs in bytes. */
export function readHashed(part: Uint8Array, lengths: readonly number[], take: (index: number, hashed: HashedOutput) => void): void {
  let at = 0;
  for (let i = 0; at < part.length; i++) {
    const length = lengths[i] as number;
    if (hashedLength({ length }) === 0) continue;
    const leavesAt = at + HASH_BYTES;
    const end = leavesAt + HASH_BYTES * chunkCount(length);
    take(i, { root: toHex(part.subarray(at, leavesAt)), leaves: part.subarray(leavesAt, end) });
    at = end;
  }
}

/** The length of an output, or nothing if it is left to hashing threads. */
export function hashedLength({ length }: Pick<Uint8Array, "length">): number {
  return length <= INLINE_BYTES ? length : 0;
}
