import { describe, expect, it } from "vitest";
import { INLINE_BYTES } from "../../../runtime/hashing/inlineBytes.ts";
import { commitTensor } from "../../../protocol/trees/tensorTree.ts";
import { hashOutputs, readHashed, type HashedOutput } from "../../../runtime/inference/hashedOutputs.ts";

const filled = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);

describe("hashed outputs", () => {
  const outputs = [0, 1, 40, 1024, INLINE_BYTES + 1, 1025, INLINE_BYTES, 3, 2048, 64, 7000].map(filled);
  const lengths = outputs.map(({ length }) => length);

  it.each([2, 5, 8, 11])("carry roots and chunk hashes of the first %i", (count) => {
    const part = hashOutputs(outputs, count);
    const found = new Map<number, HashedOutput>();
    readHashed(part!, lengths, (i, hashed) => found.set(i, hashed));
    expect([...found.keys()]).toEqual(outputs.flatMap((output, i) => (i < count && output.length > 0 && output.length <= INLINE_BYTES ? [i] : [])));
    for (const [i, { root, leaves }] of found) {
      const committed = commitTensor(outputs[i]!);
      expect(root).toBe(committed.root);
      expect(Buffer.compare(leaves, committed.leaves)).toBe(0);
    }
  });

  it("are missing if none is hashed", () => {
    expect(hashOutputs(outputs, 1)).toBeUndefined();
    expect(hashOutputs([], 0)).toBeUndefined();
  });
});
