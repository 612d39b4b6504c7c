import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPosition, chooseChild, revealedChildren, type TreePosition } from "../../../protocol/dispute/bisection.ts";
import { PartialTree, type Reveal } from "../../../protocol/dispute/partialTree.ts";
import { buildTree, topFromRange, type MerkleTree } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";

const leaf = (value: number): Uint8Array => sha256(new Uint8Array([value & 255, value >> 8]));
const treeOf = (values: readonly number[]): MerkleTree => buildTree(new Uint8Array(Buffer.concat(values.map(leaf))));

function play(own: MerkleTree, theirs: MerkleTree): { reveals: Reveal[]; leaf: number } {
  const reveals: Reveal[] = [];
  let position: TreePosition = { height: own.depth, index: 0 };
  do {
    const children = revealedChildren(theirs, position);
    reveals.push({ position, children });
    position = childPosition(position, chooseChild(own, position, children).index);
  } while (position.height > 0);
  return { reveals, leaf: position.index };
}

describe("PartialTree", () => {
  it("proves the disputed leaf and every earlier range against the executor's top, and nothing later", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), fc.nat(), fc.boolean(), (count, lie, a, b, downstream) => {
        const at = lie % count;
        const honest = Array.from({ length: count }, (_, i) => i);
        const values = honest.map((value, i) => (i === at || (downstream && i > at) ? value + 1000 : value));
        const theirs = treeOf(values);
        const game = play(treeOf(honest), theirs);
        expect(game.leaf).toBe(at);
        const partial = new PartialTree(treeOf(honest), game.reveals, game.leaf);
        const first = a % (at + 1);
        const length = 1 + (b % (at + 1 - first));
        const leaves = values.slice(first, first + length).map(leaf);
        expect(topFromRange(count, first, leaves, partial.rangeProof(first, length))).toEqual(theirs.top);
      }),
    );
  });

  it("says which node it does not know", () => {
    const theirs = treeOf(Array.from({ length: 64 }, (_, i) => (i === 3 ? 999 : i)));
    const game = play(treeOf(Array.from({ length: 64 }, (_, i) => i)), theirs);
    expect(() => new PartialTree(treeOf(Array.from({ length: 64 }, (_, i) => i)), game.reveals, game.leaf).rangeProof(40, 1)).toThrow(/has not shown/);
  });
});
