import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTree } from "../../../protocol/trees/merkle.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { INLINE_BYTES } from "../../../runtime/hashing/inlineBytes.ts";
import { subtreeTop } from "../../../protocol/trees/merkle.ts";

const hasher = createHasher({ threads: 2 });
beforeAll(() => hasher.start());
afterAll(() => hasher.stop());

function bytesOf(length: number, shared = false): Uint8Array {
  const bytes = new Uint8Array(shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length));
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7) & 0xff;
  return bytes;
}

describe("createHasher", () => {
  const lengths = [1, 1023, 1024, 1025, 65_537, INLINE_BYTES, INLINE_BYTES + 1, 300_000, 524_288, 1_048_576 + 1, 5_000_001];
  it.each(lengths)("hashes %i bytes as the protocol does, in private and in shared memory", async (length) => {
    for (const shared of [false, true]) {
      const bytes = bytesOf(length, shared);
      const leaves = tensorLeaves(bytes);
      const root = tensorRoot(bytes);
      const committed = await hasher.commit(bytes);
      expect(Buffer.compare(committed.leaves, leaves)).toBe(0);
      expect(Buffer.compare(committed.root, root)).toBe(0);
      expect(Buffer.compare(await hasher.leaves(bytes), leaves)).toBe(0);
      expect(Buffer.compare(await hasher.root(leaves, length), root)).toBe(0);
    }
  });

  it("hashes what lies in a file, from anywhere in it, also where no thread runs yet", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "gainsay-hasher-"));
    const all = bytesOf(12_000_000);
    writeFileSync(path.join(folder, "bytes"), all);
    const fd = openSync(path.join(folder, "bytes"), "r");
    const fresh = createHasher({ threads: 1 });
    fresh.start();
    try {
      for (const own of [fresh, hasher]) {
        for (const [at, byteLength] of [[5, 1], [4096, INLINE_BYTES], [0, INLINE_BYTES + 1], [77, 1_048_576], [1, 5_000_001], [4, 5_000_001], [99, 700_000]] as const) {
          const bytes = all.subarray(at, at + byteLength);
          const { root, leaves } = await own.commit({ fd, at, byteLength });
          expect(Buffer.compare(leaves, tensorLeaves(bytes))).toBe(0);
          expect(Buffer.compare(root, tensorRoot(bytes))).toBe(0);
        }
      }
      const many = await Promise.all(Array.from({ length: 20 }, (_, i) => hasher.commit({ fd, at: i * 500_000, byteLength: 300_000 + i })));
      many.forEach(({ root }, i) => expect(Buffer.compare(root, tensorRoot(all.subarray(i * 500_000, i * 500_000 + 300_000 + i)))).toBe(0));
      await expect(hasher.commit({ fd, at: 11_000_000, byteLength: 5_000_000 })).rejects.toMatchObject({ code: "HASHER_FAILED", message: expect.stringContaining("ends before") as string });
    } finally {
      await fresh.stop();
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });

  it("hashes views that begin in the middle of a buffer", async () => {
    const bytes = bytesOf(700_000).subarray(77);
    expect(Buffer.compare((await hasher.commit(bytes)).root, tensorRoot(bytes))).toBe(0);
  });

  it("uses the shared memory into which it copies again", async () => {
    await hasher.commit(bytesOf(3_000_000));
    const Real = SharedArrayBuffer;
    const made: number[] = [];
    globalThis.SharedArrayBuffer = new Proxy(Real, { construct: (target, [length]: [number]) => (made.push(length), new target(length)) });
    try {
      for (let i = 0; i < 10; i++) {
        const bytes = bytesOf(3_000_000 - i * 1000);
        expect(Buffer.compare((await hasher.commit(bytes)).root, tensorRoot(bytes))).toBe(0);
      }
    } finally {
      globalThis.SharedArrayBuffer = Real;
    }
    // Leaves and tops are the caller's.
    expect(made.filter((length) => length > 128 * 1024).length).toBeLessThanOrEqual(4);
  });

  it("keeps many tensors at once apart", async () => {
    const tensors = Array.from({ length: 12 }, (_, i) => bytesOf(270_000 + i * 1000));
    const roots = await Promise.all(tensors.map((bytes) => hasher.commit(bytes)));
    roots.forEach(({ root }, i) => expect(Buffer.compare(root, tensorRoot(tensors[i]!))).toBe(0));
  });

  it("leaves the event loop free while it hashes", async () => {
    let turns = 0;
    let done = false;
    const work = hasher.commit(bytesOf(32 * 1024 * 1024, true)).then(() => (done = true));
    while (!done) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await work;
    expect(turns).toBeGreaterThan(20);
  });

  it("refuses empty tensors and leaves that do not fit", async () => {
    await expect(hasher.commit(new Uint8Array(0))).rejects.toMatchObject({ code: "TENSOR_EMPTY" });
    await expect(hasher.root(new Uint8Array(64), 5000)).rejects.toMatchObject({ code: "TREE_MALFORMED" });
    await expect(hasher.root(new Uint8Array(64 * 1024), 5000)).rejects.toMatchObject({ code: "TREE_MALFORMED" });
    expect(() => createHasher({ threads: 0 })).toThrow(/whole number from 1/);
  });

  it("rejects work when it is not running, and can be started again", async () => {
    const other = createHasher({ threads: 1 });
    // More than is hashed at once where no thread runs yet.
    const bytes = bytesOf(5_000_000);
    await expect(other.commit(bytes)).rejects.toMatchObject({ code: "HASHER_STOPPED" });
    other.start();
    // One task that a thread has already begun, and several that still wait.
    const begun = expect(other.root(tensorLeaves(bytes), bytes.length)).rejects.toMatchObject({ code: "HASHER_STOPPED" });
    const lost = expect(other.commit(bytes)).rejects.toMatchObject({ code: "HASHER_STOPPED" });
    await other.stop();
    await Promise.all([lost, begun]);
    other.start();
    expect(Buffer.compare((await other.commit(bytes)).root, tensorRoot(bytes))).toBe(0);
    await other.stop();
  });
});

describe("subtreeTop", () => {
  it("gives the top of the protocol's tree, whole or in parts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 3 }), (count, partHeight) => {
        const leaves = bytesOf(count * 32);
        const tree = buildTree(leaves);
        expect(Buffer.compare(subtreeTop(leaves, tree.depth), tree.top)).toBe(0);
        if (partHeight > tree.depth) return;
        const parts: Uint8Array[] = [];
        for (let first = 0; first < count; first += 2 ** partHeight) parts.push(subtreeTop(leaves.subarray(first * 32, (first + 2 ** partHeight) * 32), partHeight));
        expect(Buffer.compare(subtreeTop(new Uint8Array(Buffer.concat(parts)), tree.depth - partHeight, partHeight), tree.top)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
