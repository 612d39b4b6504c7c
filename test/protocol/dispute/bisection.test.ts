import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPosition, chooseChild, revealedChildren, type TreePosition } from "../../../protocol/dispute/bisection.ts";
import { buildTree, depthOf, topFromRange } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";

const leavesOf = (values: readonly number[]): Uint8Array => new Uint8Array(Buffer.concat(values.map((value) => sha256(new Uint8Array([value & 255, value >> 8])))));

describe("bisection", () => {
  it("descends to the left-most differing leaf in ceil(depth / 4) rounds, every choice proved against the node before it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), (count, lies) => {
        const honest = Array.from({ length: count }, (_, i) => i);
        const changed = [...new Set(lies.map((lie) => lie % count))];
        const lying = honest.map((value) => (changed.includes(value) ? value + 1000 : value));
        const own = buildTree(leavesOf(honest));
        const theirs = buildTree(leavesOf(lying));
        let position: TreePosition = { height: own.depth, index: 0 };
        let node = theirs.top;
        let rounds = 0;
        while (position.height > 0) {
          const children = revealedChildren(theirs, position);
          const choice = chooseChild(own, position, children);
          expect(topFromRange(children.length, choice.index, [choice.child], choice.siblings)).toEqual(node);
          node = choice.child;
          position = childPosition(position, choice.index);
          rounds++;
        }
        expect(position.index).toBe(Math.min(...changed));
        expect(rounds).toBe(Math.ceil(depthOf(count) / 4));
      }),
    );
  });

  it("finds nothing to dispute in an equal tree and refuses a reveal of another size", () => {
    const tree = buildTree(leavesOf([1, 2, 3]));
    const position = { height: tree.depth, index: 0 };
    expect(() => chooseChild(tree, position, revealedChildren(tree, position))).toThrow(/nothing to dispute/);
    expect(() => chooseChild(tree, position, revealedChildren(tree, position).slice(1))).toThrow(/number of children/);
  });
});
