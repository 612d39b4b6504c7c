import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { passingPreimage } from "../../../protocol/trees/domains.ts";
import { digestRoom, hashPairs, sha256, sha256Hex } from "../../../protocol/trees/sha256.ts";

const reference = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest());

describe("sha256", () => {
  it("is SHA-256, as bytes and as text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(sha256(bytes)).toEqual(reference(bytes));
        expect(sha256Hex(bytes)).toBe(toHex(reference(bytes)));
      }),
      { numRuns: 200 },
    );
  });

  it("of pairs is that of each, into memory that is shared too", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer(), fc.boolean(), (pairs, seed, shared) => {
        const room = (bytes: number) => new Uint8Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
        const nodes = room(pairs * 64);
        nodes.forEach((_, i) => (nodes[i] = Math.imul(i + 1, seed | 1) >>> 11));
        const target = room(pairs * 32);
        hashPairs(nodes, target);
        for (let i = 0; i < pairs; i++) expect(new Uint8Array(target.subarray(i * 32, i * 32 + 32))).toEqual(reference(new Uint8Array(nodes.subarray(i * 64, i * 64 + 64))));
      }),
      { numRuns: 100 },
    );
  });

  it("has room for hashes that nobody else has", () => {
    const rooms = Array.from({ length: 400 }, (_, i) => digestRoom(1 + (i % 5)).fill(i & 255));
    rooms.forEach((room, i) => expect(room.every((byte) => byte === (i & 255))).toBe(true));
  });
});

it("writes sizes of roots as 32-byte integers", () => {
  for (const size of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]) {
    const preimage = passingPreimage("tensor", size, new Uint8Array(32).fill(9));
    expect(BigInt(toHex(preimage.subarray(32, 64)))).toBe(BigInt(size));
    expect(Buffer.from(preimage.subarray(0, 16)).toString()).toBe("gainsay.tensor.1");
    expect([...preimage.subarray(64)]).toEqual(new Array(32).fill(9));
  }
});
