import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadForeign } from "../../../protocol/foreign.ts";
import { createHashPieces, loadHashPieces } from "../../../protocol/trees/sha256Lanes.ts";

const expected = (bytes: Uint8Array, piece: number, count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, i) => hash("sha256", bytes.subarray(i * piece, (i + 1) * piece), "buffer")));
const pattern = (memory: Uint8Array): Uint8Array => memory.map((_, i) => i * 31 + (i >> 8) * 7);

/** Where it is to be had: official builds of Node for this kind of processor. */
const possible = process.arch === "x64" && process.platform === "linux" && loadForeign() !== undefined;

describe.skipIf(!possible)("hashing pieces side by side", () => {
  const hashPieces = loadHashPieces(1024)!;

  it("is to be had here", () => expect(hashPieces).toBeDefined());

  it("gives the hashes of pieces, at any place, of any number, and touches nothing else", () => {
    for (let pieces = 0; pieces <= 40; pieces++) {
      for (const rest of [0, 1, 1023]) {
        const length = pieces * 1024 + rest;
        const at = pieces % 9;
        const bytes = pattern(new Uint8Array(length + at)).subarray(at);
        const target = new Uint8Array(pieces * 32 + 20).fill(0xee);
        const done = hashPieces(bytes, target, 11);
        // One that is left over, or alone, is hashed as quickly by itself.
        expect(pieces - done).toBeLessThanOrEqual(pieces > 1 && pieces % 8 !== 1 ? 0 : 1);
        expect(Buffer.compare(target.subarray(11, 11 + done * 32), expected(bytes, 1024, done))).toBe(0);
        expect(target.subarray(0, 11).every((byte) => byte === 0xee) && target.subarray(11 + done * 32).every((byte) => byte === 0xee)).toBe(true);
      }
    }
  });

  it("reads shared memory, and pieces of another size", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64 * 20 + 5)).subarray(5);
    shared.set(pattern(new Uint8Array(shared.length)));
    const target = new Uint8Array(20 * 32);
    expect(loadHashPieces(64)!(shared, target, 0)).toBe(20);
    expect(Buffer.compare(target, expected(shared, 64, 20))).toBe(0);
  });
});

describe("a function that hashes pieces", () => {
  it("leaves few pieces to others, and gives no other hashes once there are many", () => {
    const hashPieces = createHashPieces(1024);
    const bytes = pattern(new Uint8Array(512 * 1024));
    const target = new Uint8Array(512 * 32);
    expect(hashPieces(bytes, target, 0)).toBe(0);
    let done = 0;
    for (let time = 0; time < 10; time++) done = hashPieces(bytes, target, 0);
    expect(done).toBe(possible ? 512 : 0);
    expect(Buffer.compare(target.subarray(0, done * 32), expected(bytes, 1024, done))).toBe(0);
  });
});
