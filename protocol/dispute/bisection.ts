import { GainsayError } from "../errors.ts";
import { buildTree, nodeAt, pathProof, type MerkleTree } from "../trees/merkle.ts";

/** A reveal shows the descendants this many levels below the current node: arity 2⁴ = 16. */
export const REVEAL_LEVELS = 4;

/** A node of a Merkle tree: `height` above the leaves, `index` from the left. */
export interface TreePosition {
  height: number;
  index: number;
}

/** A challenger's choice: the `index`-th of the revealed children, and its proof against the current node. */
export interface ChildChoice {
  index: number;
  child: Uint8Array;
  siblings: Uint8Array[];
}

/** Levels that the next reveal descends. */
export function revealLevels(position: TreePosition): number {
  return Math.min(REVEAL_LEVELS, position.height);
}

/** The hashes that the defender must reveal at `position`: all 2^k descendants k levels below, missing subtrees included. */
export function revealedChildren(tree: MerkleTree, position: TreePosition): Uint8Array[] {
  const levels = revealLevels(position);
  const height = position.height - levels;
  return Array.from({ length: 2 ** levels }, (_, i) => nodeAt(tree, height, position.index * 2 ** levels + i));
}

/** Position of the `index`-th revealed child. */
export function childPosition(position: TreePosition, index: number): TreePosition {
  const levels = revealLevels(position);
  return { height: position.height - levels, index: position.index * 2 ** levels + index };
}

/**
 * The left-most revealed child that differs from the challenger's own tree at `position`.
 * Left-most matters: everything before it is agreed, so all inputs of the disputed step are known to the challenger.
 * Throws `NOTHING_TO_DISPUTE` if all children are the challenger's own.
 */
export function chooseChild(own: MerkleTree, position: TreePosition, children: readonly Uint8Array[]): ChildChoice {
  const mine = revealedChildren(own, position);
  if (children.length !== mine.length) {
    throw new GainsayError("The reveal does not have the number of children its position demands.", { code: "REVEAL_MALFORMED", kind: "verification", details: { expected: mine.length, got: children.length } });
  }
  const index = children.findIndex((child, i) => !Buffer.from(child).equals(mine[i] as Uint8Array));
  if (index < 0) throw new GainsayError("All revealed children agree with the own trace; there is nothing to dispute.", { code: "NOTHING_TO_DISPUTE" });
  return childChoice(children, index);
}

/** The choice of one child by index, with its siblings inside the revealed subtree. */
export function childChoice(children: readonly Uint8Array[], index: number): ChildChoice {
  const subtree = buildTree(new Uint8Array(Buffer.concat(children)));
  return { index, child: children[index] as Uint8Array, siblings: pathProof(subtree, index) };
}
