import { toHex, type Hex } from "../../protocol/hex.ts";
import { HASH_BYTES } from "../../protocol/trees/sha256.ts";
import { chunkCount, tensorRootFromLeaves, writeLeaves } from "../../protocol/trees/tensorTree.ts";

/** Tensor root and hashes of the chunks of an output. */
export interface HashedOutput {
  root: Hex;
  leaves: Uint8Array;
}

/** Bytes that say which outputs are hashed, one bit each. */
const maskBytes = (outputs: number): number => Math.ceil(outputs / 8);

let room = new Uint8Array(0);

/**
 * Hashes the outputs that `takes` wants as committed tensors, and puts what comes out behind each other: a bit for each output, lowest first, then root and chunk hashes of
 * each hashed one. Overwritten by the next call; undefined if none is hashed.
 */
export function hashOutputs(outputs: readonly Uint8Array[], takes: (output: Uint8Array) => boolean): Uint8Array | undefined {
  const first = maskBytes(outputs.length);
  const most = outputs.reduce((sum, { length }) => sum + (length === 0 ? 0 : HASH_BYTES * (1 + chunkCount(length))), first);
  if (room.length < most) room = new Uint8Array(most);
  room.fill(0, 0, first);
  let at = first;
  outputs.forEach((output, i) => {
    if (output.length === 0 || !takes(output)) return;
    room[i >> 3] = (room[i >> 3] as number) | (1 << (i & 7));
    const leavesAt = at + HASH_BYTES;
    const end = leavesAt + HASH_BYTES * chunkCount(output.length);
    writeLeaves(output, room, leavesAt);
    room.set(tensorRootFromLeaves(room.subarray(leavesAt, end), output.length), at);
    at = end;
  });
  return at === first ? undefined : room.subarray(0, at);
}

/** Calls `take` with each hashed output; `lengths` are those of all outputs in bytes. */
export function readHashed(part: Uint8Array, lengths: readonly number[], take: (index: number, hashed: HashedOutput) => void): void {
  let at = maskBytes(lengths.length);
  lengths.forEach((length, i) => {
    if ((((part[i >> 3] as number) >> (i & 7)) & 1) === 0) return;
    const leavesAt = at + HASH_BYTES;
    const end = leavesAt + HASH_BYTES * chunkCount(length);
    take(i, { root: toHex(part.subarray(at, leavesAt)), leaves: part.subarray(leavesAt, end) });
    at = end;
  });
}
