import { describe, expect, it } from "vitest";
import { commitTensor } from "../../../protocol/trees/tensorTree.ts";
import { hashOutputs, readHashed, type HashedOutput } from "../../../runtime/inference/hashedOutputs.ts";

const filled = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);

describe("hashed outputs", () => {
  const outputs = [0, 1, 40, 1024, 1025, 5000, 3, 2048, 64, 7000].map(filled);
  const lengths = outputs.map(({ length }) => length);

  it.each([
    ["all", () => true],
    ["every other", (_: Uint8Array, i: number) => i % 2 === 1],
    ["the last", (_: Uint8Array, i: number) => i === 9],
  ] as const)("carry roots and chunk hashes of %s of them", (_, wanted) => {
    const part = hashOutputs(outputs, (output) => wanted(output, outputs.indexOf(output)));
    const found = new Map<number, HashedOutput>();
    readHashed(part!, lengths, (i, hashed) => found.set(i, hashed));
    expect([...found.keys()]).toEqual(outputs.flatMap((output, i) => (output.length > 0 && wanted(output, i) ? [i] : [])));
    for (const [i, { root, leaves }] of found) {
      const committed = commitTensor(outputs[i]!);
      expect(root).toBe(committed.root);
      expect(Buffer.compare(leaves, committed.leaves)).toBe(0);
    }
  });

  it("are missing if none is hashed", () => {
    expect(hashOutputs(outputs, () => false)).toBeUndefined();
    expect(hashOutputs([], () => true)).toBeUndefined();
  });
});
