import { describe, expect, it } from "vitest";
import { alignedMemory, createArena } from "../../../runtime/inference/alignedMemory.ts";

describe("createArena", () => {
  it("gives pieces at multiples of the alignment, which stay as they are when it grows", () => {
    const arena = createArena(64);
    const pieces = [1, 63, 64, 65, 0, 3_000_000, 7].map((length, i) => arena.take(length).fill(i + 1));
    pieces.forEach((piece, i) => {
      expect(piece.byteOffset % 64).toBe(0);
      expect(piece.every((byte) => byte === i + 1)).toBe(true);
    });
    arena.reset();
    const again = arena.take(65);
    expect(again.byteOffset).toBe(pieces[0]!.byteOffset);
    again.fill(99);
    expect(pieces[0]![0]).toBe(99);
  });

  it("gives memory of its own to a piece that is longer than what it keeps", () => {
    const arena = createArena(64);
    const [small, large] = [arena.take(8), arena.take(257 * 1024 * 1024)];
    expect(large.length).toBe(257 * 1024 * 1024);
    expect(large.buffer).not.toBe(small.buffer);
    expect(arena.take(8).byteOffset).toBe(64);
  });
});

it("alignedMemory is as long as wanted, and shared", () => {
  const memory = alignedMemory(100);
  expect(memory.length).toBe(100);
  expect(memory.byteOffset).toBe(0);
  expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
});
