import { zeroTop } from "../../protocol/trees/merkle.ts";
import { HASH_BYTES, hashPairs } from "../../protocol/trees/sha256.ts";

/**
 * Top of the complete subtree of `height` levels over nodes that stand `base` levels above the leaves; missing nodes are tops of
 * missing subtrees (docs/protocol.md §1). Equal to `buildTree` where both apply, but keeps no levels.
 */
export function subtreeTop(nodes: Uint8Array, height: number, base = 0): Uint8Array {
  let level = nodes;
  for (let at = base; at < base + height; at++) {
    const missing = (level.length / HASH_BYTES) % 2;
    if (missing === 1) level = new Uint8Array(Buffer.concat([level, zeroTop(at)]));
    const above = new Uint8Array(level.length / 2);
    hashPairs(level, above);
    level = above;
  }
  return level;
}
