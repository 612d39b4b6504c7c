import { GainsayError } from "../errors.ts";
import type { Hex } from "../hex.ts";
import { passingPreimage, type ListDomain } from "./domains.ts";
import { buildTree, depthOf, subtreeTop } from "./merkle.ts";
import { HASH_BYTES, sha256, sha256Hex } from "./sha256.ts";

/** `H(domain ‖ count ‖ top)`: the root of a list of `count` 32-byte items. */
export function listRootFromTop(domain: ListDomain, count: number, top: Uint8Array): Uint8Array {
  return sha256(passingPreimage(domain, count, top));
}

/** Root of a list of 32-byte items, given side by side. Throws `TREE_EMPTY` for an empty list. */
export function listRoot(domain: ListDomain, items: Uint8Array): Uint8Array {
  const tree = buildTree(items);
  return listRootFromTop(domain, tree.count, tree.top);
}

/** Root of a list of roots. Throws `TREE_EMPTY` for an empty list, `HEX_MALFORMED` for what is not 32 bytes in hexadecimal. */
export function listRootOf(domain: ListDomain, roots: readonly Hex[]): Hex {
  const items = Buffer.allocUnsafe(roots.length * HASH_BYTES);
  roots.forEach((root, i) => {
    const written = items.write(root.slice(2), i * HASH_BYTES, HASH_BYTES, "hex");
    if (written !== HASH_BYTES || root.length !== 2 + 2 * HASH_BYTES) throw new GainsayError("A root must be 32 bytes in hexadecimal.", { code: "HEX_MALFORMED", kind: "usage", details: { value: root.slice(0, 80) } });
  });
  return sha256Hex(passingPreimage(domain, roots.length, subtreeTop(items, depthOf(roots.length))));
}
