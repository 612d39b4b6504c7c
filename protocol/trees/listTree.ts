import { domainBytes, type ListDomain } from "./domains.ts";
import { buildTree } from "./merkle.ts";
import { sha256 } from "./sha256.ts";

/** `H(domain ‖ count ‖ top)`: the root of a list of `count` 32-byte items. */
export function listRootFromTop(domain: ListDomain, count: number, top: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(96);
  preimage.set(domainBytes(domain), 0);
  new DataView(preimage.buffer).setBigUint64(56, BigInt(count));
  preimage.set(top, 64);
  return sha256(preimage);
}

/** Root of a list of 32-byte items, given side by side. Throws `TREE_EMPTY` for an empty list. */
export function listRoot(domain: ListDomain, items: Uint8Array): Uint8Array {
  const tree = buildTree(items);
  return listRootFromTop(domain, tree.count, tree.top);
}
