import { GainsayError } from "../errors.ts";
import { passingPreimage } from "./domains.ts";
import type { CommittedTensor } from "./committedTensor.ts";
import { buildTree, depthOf, subtreeTop, type MerkleTree } from "./merkle.ts";
import { createHashPieces } from "./sha256Lanes.ts";
import { digestRoom, HASH_BYTES, sha256, sha256Hex, writeHash } from "./sha256.ts";

/** Committed bytes of a tensor are hashed in chunks of this size; see docs/protocol.md §1. */
export const CHUNK_BYTES = 1024;

/** Number of chunks of a tensor of `byteLength` ≥ 1 bytes. */
export function chunkCount(byteLength: number): number {
  if (!Number.isSafeInteger(byteLength) || byteLength < 1) {
    throw new GainsayError("A committed tensor must have at least one byte.", { code: "TENSOR_EMPTY", details: { byteLength } });
  }
  return Math.ceil(byteLength / CHUNK_BYTES);
}

/** Bytes of chunk `index`; the last chunk may be shorter. */
export function chunkAt(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.subarray(index * CHUNK_BYTES, Math.min((index + 1) * CHUNK_BYTES, bytes.length));
}

/** Concatenated SHA-256 hashes of all chunks. */
export function tensorLeaves(bytes: Uint8Array): Uint8Array {
  const count = chunkCount(bytes.length);
  const leaves = digestRoom(count);
  writeLeaves(bytes, leaves, 0);
  return leaves;
}

/** Views of the chunks of lasting bytes, once they have been hashed. */
const lastingChunks = new WeakMap<Uint8Array, Uint8Array[]>();

/** Says that tensors will lie in these bytes time and again: the views of their chunks are then made once. One for each chunk each time takes a tenth of hashing. */
export function lasting(bytes: Uint8Array): Uint8Array {
  lastingChunks.set(bytes, []);
  return bytes;
}

const hashChunks = createHashPieces(CHUNK_BYTES);

/** Writes the SHA-256 hashes of all chunks into `target` from `offset` on. */
export function writeLeaves(bytes: Uint8Array, target: Uint8Array, offset: number): void {
  const count = chunkCount(bytes.length);
  const first = hashChunks(bytes, target, offset);
  if (first === count) return;
  const known = lastingChunks.get(bytes);
  if (known?.length === 0) for (let i = 0; i < count; i++) known.push(chunkAt(bytes, i));
  for (let i = first; i < count; i++) writeHash(known === undefined ? chunkAt(bytes, i) : (known[i] as Uint8Array), target, offset + i * HASH_BYTES);
}

/** Merkle tree over the chunk hashes of a tensor of `byteLength` bytes. */
export function tensorTree(leaves: Uint8Array, byteLength: number): MerkleTree {
  checkLeaves(leaves, byteLength);
  return buildTree(leaves);
}

function tensorTop(leaves: Uint8Array, byteLength: number): Uint8Array {
  checkLeaves(leaves, byteLength);
  return subtreeTop(leaves, depthOf(leaves.length / HASH_BYTES));
}

function checkLeaves(leaves: Uint8Array, byteLength: number): void {
  if (leaves.length !== chunkCount(byteLength) * HASH_BYTES) {
    throw new GainsayError("The number of chunk hashes does not fit the tensor's length.", { code: "TREE_MALFORMED", kind: "verification", details: { hashes: leaves.length / HASH_BYTES, byteLength } });
  }
}

/** `H("gainsay.tensor.1" ‖ byteLength ‖ top)`. */
export function tensorRootFromTop(byteLength: number, top: Uint8Array): Uint8Array {
  return sha256(passingPreimage("tensor", byteLength, top));
}

/** Tensor root from the chunk hashes. */
export function tensorRootFromLeaves(leaves: Uint8Array, byteLength: number): Uint8Array {
  return tensorRootFromTop(byteLength, tensorTop(leaves, byteLength));
}

/** Tensor root of committed bytes. */
export function tensorRoot(bytes: Uint8Array): Uint8Array {
  return tensorRootFromLeaves(tensorLeaves(bytes), bytes.length);
}

/** Commits to a tensor, given as committed bytes. */
export function commitTensor(bytes: Uint8Array): CommittedTensor {
  const leaves = tensorLeaves(bytes);
  return { root: sha256Hex(passingPreimage("tensor", bytes.length, tensorTop(leaves, bytes.length))), bytes, leaves };
}
