import { GainsayError } from "../errors.ts";
import { SMALL_HEIGHT, treeTop } from "./treeTop.ts";
import { digestRoom, HASH_BYTES, hashPair, hashPairs } from "./sha256.ts";

const ZERO = new Uint8Array(HASH_BYTES);

/** A complete binary Merkle tree: `levels[0]` are the leaves, `levels[depth]` is the top; each level is n·32 bytes. */
export interface MerkleTree {
  readonly count: number;
  readonly depth: number;
  readonly top: Uint8Array;
  readonly levels: readonly Uint8Array[];
}

/** Depth of a tree over `count` ≥ 1 leaves: ceil(log2 count). */
export function depthOf(count: number): number {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new GainsayError("A Merkle tree needs at least one leaf.", { code: "TREE_EMPTY", details: { count } });
  }
  let depth = 0;
  while (2 ** depth < count) depth++;
  return depth;
}

const zeroTops: Uint8Array[] = [ZERO];

/** Top of a subtree of the given height that has only missing leaves. */
export function zeroTop(height: number): Uint8Array {
  while (zeroTops.length <= height) {
    const below = zeroTops[zeroTops.length - 1] as Uint8Array;
    zeroTops.push(hashPair(below, below));
  }
  return zeroTops[height] as Uint8Array;
}

/** Builds the tree over concatenated 32-byte leaves. Missing leaves are zero and hashed like any other (docs/protocol.md §1). */
export function buildTree(leaves: Uint8Array): MerkleTree {
  if (leaves.length % HASH_BYTES !== 0) {
    throw new GainsayError("Merkle leaves must be a whole number of 32-byte hashes.", { code: "TREE_MALFORMED", details: { bytes: leaves.length } });
  }
  const count = leaves.length / HASH_BYTES;
  const depth = depthOf(count);
  const levels: Uint8Array[] = [leaves];
  for (let height = 0; height < depth; height++) {
    const below = levels[height] as Uint8Array;
    const width = below.length / HASH_BYTES;
    const above = digestRoom(Math.ceil(width / 2));
    // Neighbours lie side by side already; only the last node of an odd level needs its missing sibling put there.
    const pairs = Math.floor(width / 2);
    hashPairs(below.subarray(0, pairs * 2 * HASH_BYTES), above.subarray(0, pairs * HASH_BYTES));
    if (width % 2 === 1) above.set(hashPair(nodeIn(below, width - 1, height), zeroTop(height)), pairs * HASH_BYTES);
    levels.push(above);
  }
  return { count, depth, top: levels[depth] as Uint8Array, levels };
}

/**
 * Top of the complete subtree of `height` levels over nodes that stand `base` levels above the leaves; missing nodes are tops of missing subtrees. Equal
 * to `buildTree` where both apply, but keeps no levels.
 */
export function subtreeTop(nodes: Uint8Array, height: number, base = 0): Uint8Array {
  if (height === 0) return nodes;
  if (base === 0 && height <= SMALL_HEIGHT) {
    const top = digestRoom(1);
    top.set(treeTop(nodes, height));
    return top;
  }
  let level = nodes;
  for (let at = base; at < base + height; at++) {
    const width = level.length / HASH_BYTES;
    const above = digestRoom(Math.ceil(width / 2));
    const pairs = Math.floor(width / 2);
    if (pairs > 0) hashPairs(level.subarray(0, pairs * 2 * HASH_BYTES), above.subarray(0, pairs * HASH_BYTES));
    if (width % 2 === 1) above.set(hashPair(nodeIn(level, width - 1, at), zeroTop(at)), pairs * HASH_BYTES);
    level = above;
  }
  return level;
}

/** Node `index` at `height` above the leaves; beyond the last real node it is the top of a missing subtree. */
export function nodeAt(tree: MerkleTree, height: number, index: number): Uint8Array {
  return nodeIn(tree.levels[height] as Uint8Array, index, height);
}

function nodeIn(level: Uint8Array, index: number, height: number): Uint8Array {
  const start = index * HASH_BYTES;
  return start < level.length ? level.subarray(start, start + HASH_BYTES) : zeroTop(height);
}

/** Siblings of leaf `index` from the bottom up: exactly `depth` hashes. */
export function pathProof(tree: MerkleTree, index: number): Uint8Array[] {
  return rangeProof(tree, index, 1);
}

/** Siblings of the contiguous leaves [first, first + count), level by level, left neighbour before right neighbour. */
export function rangeProof(tree: MerkleTree, first: number, count: number): Uint8Array[] {
  checkRange(tree.count, first, count);
  return rangeSiblings(tree.depth, first, count, (height, index) => nodeAt(tree, height, index));
}

/** The siblings of a range proof in a tree of this depth whose nodes are given by `node`; see `rangeProof`. */
export function rangeSiblings(depth: number, first: number, count: number, node: (height: number, index: number) => Uint8Array): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let low = first;
  let high = first + count - 1;
  for (let height = 0; height < depth; height++) {
    if (low % 2 === 1) siblings.push(node(height, low - 1));
    if (high % 2 === 0) siblings.push(node(height, high + 1));
    low = Math.floor(low / 2);
    high = Math.floor(high / 2);
  }
  return siblings;
}

/** Recomputes the top from contiguous leaves and their range proof; throws `PROOF_MALFORMED` if the proof has another shape. */
export function topFromRange(count: number, first: number, leaves: readonly Uint8Array[], siblings: readonly Uint8Array[]): Uint8Array {
  checkRange(count, first, leaves.length);
  const depth = depthOf(count);
  let run = [...leaves];
  let low = first;
  let used = 0;
  const next = (): Uint8Array => {
    const sibling = siblings[used++];
    if (sibling === undefined || sibling.length !== HASH_BYTES) throw malformed("The Merkle proof is too short.");
    return sibling;
  };
  for (let height = 0; height < depth; height++) {
    if (low % 2 === 1) run.unshift(next());
    if (run.length % 2 === 1) run.push(next());
    const above: Uint8Array[] = [];
    for (let i = 0; i < run.length; i += 2) above.push(hashPair(run[i] as Uint8Array, run[i + 1] as Uint8Array));
    run = above;
    low = Math.floor(low / 2);
  }
  if (used !== siblings.length) throw malformed("The Merkle proof is too long.");
  return run[0] as Uint8Array;
}

function checkRange(total: number, first: number, count: number): void {
  if (!(Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= 0 && count >= 1 && first + count <= total)) {
    throw new GainsayError("The leaves asked for are not in the tree.", { code: "PROOF_OUT_OF_RANGE", details: { total, first, count } });
  }
}

function malformed(message: string): GainsayError {
  return new GainsayError(message, { code: "PROOF_MALFORMED", kind: "verification" });
}
