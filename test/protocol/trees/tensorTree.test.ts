import { describe, expect, it } from "vitest";
import { buildTree, depthOf, subtreeTop } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { chunkAt, chunkCount, lasting, tensorLeaves, writeLeaves } from "../../../protocol/trees/tensorTree.ts";
import { SMALL_HEIGHT } from "../../../protocol/trees/treeTop.ts";

const pattern = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255);

/** Leaves by their definition. */
const leavesOf = (bytes: Uint8Array): Buffer => Buffer.concat(Array.from({ length: chunkCount(bytes.length) }, (_, i) => sha256(chunkAt(bytes, i))));

describe("leaves of a tensor", () => {
  it.each([1, 1023, 1024, 1025, 5000])("are those of what lies in a lasting place now, %i bytes", (length) => {
    const memory = new Uint8Array(length + 100);
    const place = lasting(memory.subarray(50, 50 + length));
    for (let seed = 0; seed < 3; seed++) {
      memory.set(pattern(length, seed), 50);
      const target = new Uint8Array(chunkCount(length) * 32 + 7);
      writeLeaves(place, target, 7);
      expect(Buffer.compare(target.subarray(7), leavesOf(pattern(length, seed)))).toBe(0);
      expect(Buffer.compare(tensorLeaves(place), leavesOf(place))).toBe(0);
    }
  });
});

describe("tops of small trees", () => {
  it("are those of trees whose levels are kept, whatever was hashed in their place before", () => {
    for (const count of [256, 3, 129, 2, 100, 17, 1, 255, 64, 5, 128, 33]) {
      const leaves = pattern(count * 32, count);
      expect(depthOf(count)).toBeLessThanOrEqual(SMALL_HEIGHT);
      expect(Buffer.compare(subtreeTop(leaves, depthOf(count)), buildTree(leaves).top)).toBe(0);
    }
  });
});
