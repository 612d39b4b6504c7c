import { hash } from "node:crypto";
import type { Hex } from "../hex.ts";

export const HASH_BYTES = 32;

/** SHA-256 of one byte string: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(HASH_BYTES);
  createHashWriter(digest)(bytes, 0);
  return digest;
}

/** The same as `0x…`. */
export function sha256Hex(bytes: Uint8Array): Hex {
  return `0x${hash("sha256", bytes, "hex")}`;
}

/**
 * Writes SHA-256 hashes into `target`, each at an offset. A digest as a string of bytes that is then written takes two thirds of the time of a digest as a
 * buffer for 1 KiB, and under half of it for 64 bytes: what costs there is making a buffer (docs/execution.md).
 */
export function createHashWriter(target: Uint8Array): (bytes: Uint8Array, offset: number) => void {
  const written = Buffer.from(target.buffer, target.byteOffset, target.byteLength);
  return (bytes, offset) => void written.write(hash("sha256", bytes, "binary"), offset, HASH_BYTES, "latin1");
}

/** SHA-256 of two 32-byte nodes side by side. */
export function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(64);
  pair.set(left, 0);
  pair.set(right, 32);
  return sha256(pair);
}
