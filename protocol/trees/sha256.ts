import type { hash as Hash } from "node:crypto";
import { createRequire } from "node:module";
import type { Hex } from "../hex.ts";

export const HASH_BYTES = 32;

const load = createRequire(import.meta.url);

/** Loaded when something is hashed for the first time: Node's cryptography takes some 6 ms, for which no start should wait that hashes nothing yet. */
let hash = ((...given: Parameters<typeof Hash>) => (hash = (load("node:crypto") as { hash: typeof Hash }).hash)(...given)) as typeof Hash;

/** SHA-256 of one byte string: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = digestRoom(1);
  writeHash(bytes, digest, 0);
  return digest;
}

/** The same as `0x…`. */
export function sha256Hex(bytes: Uint8Array): Hex {
  return `0x${hash("sha256", bytes, "hex")}`;
}

/** Up to this many bytes of hashes come out of a common piece of memory. */
const SHARED_BYTES = 4 * 1024;
let common = new ArrayBuffer(0);
let used = 0;

/** Room for so many hashes. Many small pieces of memory of their own would keep the garbage collector busy. */
export function digestRoom(count: number): Uint8Array {
  const bytes = count * HASH_BYTES;
  if (bytes > SHARED_BYTES) return new Uint8Array(bytes);
  if (used + bytes > common.byteLength) {
    common = new ArrayBuffer(4 * SHARED_BYTES);
    used = 0;
  }
  const room = new Uint8Array(common, used, bytes);
  used += bytes;
  return room;
}

/** Node has it for buffers, and it works on any view of bytes. */
const writeLatin1 = (Buffer.prototype as unknown as { latin1Write(this: Uint8Array, text: string, offset: number, length: number): number }).latin1Write;

/**
 * Writes a SHA-256 hash at an offset. A digest as a string of bytes that is then written takes two thirds of the time of a digest as a
 * buffer for 1 KiB, and under half of it for 64 bytes: what costs there is making a buffer (docs/execution.md).
 */
export function writeHash(bytes: Uint8Array, target: Uint8Array, offset: number): void {
  writeLatin1.call(target, hash("sha256", bytes, "binary"), offset, HASH_BYTES);
}

/** SHA-256 of two 32-byte nodes side by side. */
export function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(64);
  pair.set(left, 0);
  pair.set(right, 32);
  const digest = digestRoom(1);
  hashPairs(pair, digest);
  return digest;
}

/** Writes the SHA-256 of each two neighbours among 32-byte nodes, of which there must be an even number, into `target`, which has half their length. */
export function hashPairs(nodes: Uint8Array, target: Uint8Array): void {
  (pairs ??= nativePairs() ?? hashEach)(nodes, target);
}

let pairs: typeof hashEach | undefined;

function hashEach(nodes: Uint8Array, target: Uint8Array): void {
  for (let at = 0; at < target.length; at += HASH_BYTES) writeHash(nodes.subarray(at * 2, at * 2 + 2 * HASH_BYTES), target, at);
}

/** Pairs up to which it is tried: twice as many as it hashes at once at most, and one. */
const MOST_TRIED = 33;

/** The library that hashes many nodes at once, a sixth of the time of one by one; it is not there on every platform, and used only where it gives the same. */
function nativePairs(): typeof hashEach | undefined {
  try {
    const { hashInto } = load("@chainsafe/hashtree") as { hashInto: typeof hashEach };
    const nodes = Uint8Array.from({ length: 64 * MOST_TRIED }, (_, i) => i * 7);
    const [wanted, given] = [new Uint8Array(nodes.length / 2), new Uint8Array(nodes.length / 2)];
    hashEach(nodes, wanted);
    for (let pairs = 1; pairs <= MOST_TRIED; pairs++) {
      hashInto(nodes.subarray(0, 64 * pairs), given.fill(0).subarray(0, 32 * pairs));
      if (Buffer.compare(wanted.subarray(0, 32 * pairs), given.subarray(0, 32 * pairs)) !== 0) return undefined;
    }
    return hashInto;
  } catch {
    return undefined;
  }
}
