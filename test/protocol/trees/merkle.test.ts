import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildTree, depthOf, nodeAt, pathProof, rangeProof, topFromRange } from "../../../protocol/trees/merkle.ts";
import { hashPair, sha256 } from "../../../protocol/trees/sha256.ts";

const leafAt = (i: number): Uint8Array => sha256(new Uint8Array([i & 255, i >> 8]));
const leaves = (count: number): Uint8Array => new Uint8Array(Buffer.concat(Array.from({ length: count }, (_, i) => leafAt(i))));

describe("Merkle trees", () => {
  it("hash a padded complete tree, written out by hand for three leaves", () => {
    const zero = new Uint8Array(32);
    const expected = hashPair(hashPair(leafAt(0), leafAt(1)), hashPair(leafAt(2), zero));
    expect(buildTree(leaves(3)).top).toEqual(expected);
    expect(buildTree(leaves(1)).top).toEqual(leafAt(0));
  });

  it("have depth ceil(log2 n)", () => {
    expect([1, 2, 3, 4, 5, 8, 9, 1024, 1025].map(depthOf)).toEqual([0, 1, 2, 2, 3, 3, 4, 10, 11]);
    expect(() => depthOf(0)).toThrow(/at least one leaf/);
  });

  it("prove every range, with exactly the siblings needed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (count, a, b) => {
        const tree = buildTree(leaves(count));
        const first = a % count;
        const length = 1 + (b % (count - first));
        const proof = rangeProof(tree, first, length);
        const run = Array.from({ length }, (_, i) => leafAt(first + i));
        expect(topFromRange(count, first, run, proof)).toEqual(tree.top);
        expect(() => topFromRange(count, first, run, [...proof, leafAt(0)])).toThrow(/too long/);
        if (proof.length > 0) expect(() => topFromRange(count, first, run, proof.slice(1))).toThrow(/too short/);
      }),
    );
  });

  it("bind position and every byte of leaf and siblings", () => {
    const tree = buildTree(leaves(13));
    for (let index = 0; index < 13; index++) {
      const proof = pathProof(tree, index);
      expect(proof).toHaveLength(4);
      for (let other = 0; other < 13; other++) {
        if (other !== index) expect(topFromRange(13, other, [leafAt(index)], proof)).not.toEqual(tree.top);
      }
      proof.forEach((sibling, level) => {
        const changed = proof.map((hash, k) => (k === level ? Uint8Array.from(hash, (byte, at) => (at === index ? byte ^ 1 : byte)) : hash));
        expect(sibling).toHaveLength(32);
        expect(topFromRange(13, index, [leafAt(index)], changed)).not.toEqual(tree.top);
      });
    }
  });

  it("give inner nodes beyond the last leaf as tops of missing subtrees", () => {
    const tree = buildTree(leaves(5));
    const zero = new Uint8Array(32);
    expect(nodeAt(tree, 1, 3)).toEqual(hashPair(zero, zero));
    expect(nodeAt(tree, 2, 1)).toEqual(hashPair(hashPair(leafAt(4), zero), hashPair(zero, zero)));
  });
});
