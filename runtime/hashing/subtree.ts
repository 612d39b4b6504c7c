import { zeroTop } from "../../protocol/trees/merkle.ts";
import { createHashWriter, HASH_BYTES } from "../../protocol/trees/sha256.ts";

/**
 * Top of the complete subtree of `height` levels over nodes that stand `base` levels above the leaves; missing nodes are tops of
 * missing subtrees (docs/protocol.md §1). Equal to `buildTree` where both apply, but keeps no levels and copies no pairs.
 */
export function subtreeTop(nodes: Uint8Array, height: number, base = 0): Uint8Array {
  let level = nodes;
  for (let at = base; at < base + height; at++) {
    const width = level.length / HASH_BYTES;
    const above = new Uint8Array(Math.ceil(width / 2) * HASH_BYTES);
    const write = createHashWriter(above);
    for (let i = 0; i < width; i += 2) {
      let pair = level.subarray(i * HASH_BYTES, (i + 2) * HASH_BYTES);
      if (i + 1 === width) {
        const padded = new Uint8Array(2 * HASH_BYTES);
        padded.set(pair);
        padded.set(zeroTop(at), HASH_BYTES);
        pair = padded;
      }
      write(pair, (i / 2) * HASH_BYTES);
    }
    level = above;
  }
  return level;
}
