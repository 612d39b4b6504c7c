import { GainsayError } from "../errors.ts";
import { buildTree, nodeAt, rangeSiblings, type MerkleTree } from "../trees/merkle.ts";
import { childPosition, revealLevels, type TreePosition } from "./bisection.ts";

/** What one reveal showed: the descendants of the node at `position`. */
export interface Reveal {
  position: TreePosition;
  children: Uint8Array[];
}

/**
 * The executor's tree as far as a bisection has shown it.
 *
 * The game descends to the left-most leaf that differs from the challenger's tree. So a node is known if a reveal showed it, or
 * if all its leaves lie left of that leaf, where both trees agree. That is enough for a range proof of the disputed leaf and of
 * every leaf before it, which is all that a refutation opens. A leaf beyond the last one says that the trees agree altogether.
 */
export class PartialTree {
  readonly depth: number;
  readonly #own: MerkleTree;
  readonly #leaf: number;
  readonly #known = new Map<string, Uint8Array>();

  constructor(own: MerkleTree, reveals: readonly Reveal[], leaf: number) {
    this.#own = own;
    this.#leaf = leaf;
    this.depth = own.depth;
    for (const { position, children } of reveals) {
      const levels = revealLevels(position);
      const subtree = buildTree(new Uint8Array(Buffer.concat(children)));
      const base = childPosition(position, 0);
      for (let up = 0; up <= levels; up++) {
        for (let i = 0; i < 2 ** (levels - up); i++) this.#known.set(key(base.height + up, base.index / 2 ** up + i), nodeAt(subtree, up, i));
      }
    }
  }

  /** The node's hash; throws `NODE_UNKNOWN` if the game has not shown it. */
  node(height: number, index: number): Uint8Array {
    const shown = this.#known.get(key(height, index));
    if (shown !== undefined) return shown;
    if ((index + 1) * 2 ** height <= this.#leaf || this.#leaf >= this.#own.count) return nodeAt(this.#own, height, index);
    throw new GainsayError("The bisection has not shown a node that the refutation needs.", { code: "NODE_UNKNOWN", details: { height, index } });
  }

  /** Range proof of leaves [first, first + count) in the executor's tree; see `rangeProof`. */
  rangeProof(first: number, count: number): Uint8Array[] {
    return rangeSiblings(this.depth, first, count, (height, index) => this.node(height, index));
  }
}

function key(height: number, index: number): string {
  return `${height}/${index}`;
}
