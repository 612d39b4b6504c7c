import { loadForeign, pin, type Foreign } from "../foreign.ts";
import { HASH_BYTES, writeHash } from "./sha256.ts";

/** Writes the SHA-256 hashes of the first pieces of `bytes` into `target` from `offset` on; returns of how many. */
export type HashPieces = (bytes: Uint8Array, target: Uint8Array, offset: number) => number;

/** Messages that are hashed side by side. */
const LANES = 8;
const BLOCK_BYTES = 64;
const WORDS = HASH_BYTES / 4;
/** Bytes of one message's description: where its blocks lie, and how many there are. */
const MESSAGE_BYTES = 16;

/** Initial hash value of SHA-256 (FIPS 180-4, 5.3.3). */
const initial = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/** Pieces that are hashed one by one before the other way is loaded, which takes as long as hashing a multiple of them: many a process hashes few. */
const ALONE = 4096;

/** Makes a function that hashes pieces of `pieceBytes`, a multiple of 64, many at a time where that can be done and there are many; what it leaves is for `writeHash`. */
export function createHashPieces(pieceBytes: number): HashPieces {
  let alone = 0;
  let hash: HashPieces | undefined;
  return (bytes, target, offset) => {
    if (hash === undefined) {
      alone += Math.floor(bytes.length / pieceBytes);
      if (alone <= ALONE) return 0;
      hash = loadHashPieces(pieceBytes) ?? (() => 0);
    }
    return hash(bytes, target, offset);
  };
}

/**
 * Hashes pieces in 0.6 of the time of one by one: one message alone leaves a processor waiting for itself most of the time.
 * OpenSSL has a function for that, which it keeps for TLS records of many blocks; it is not documented, so it is used only in the versions whose interface is known, and only if it gives the same as
 * the documented one. Undefined where it cannot be used.
 */
export function loadHashPieces(pieceBytes: number): HashPieces | undefined {
  const foreign = process.arch === "x64" && /^3\./.test(process.versions.openssl ?? "") ? loadForeign() : undefined;
  if (foreign === undefined) return undefined;
  try {
    const hash = lanes(pieceBytes, foreign);
    return givesTheSame(hash, pieceBytes) ? hash : undefined;
  } catch {
    return undefined;
  }
}

/**
 * `void sha256_multi_block(SHA256_MB_CTX *, const HASH_DESC *, int)`: goes on from eight states, whose words lie side by side, by so many blocks of eight messages, or four of each if told 1 and not 2.
 */
function lanes(pieceBytes: number, foreign: Foreign): HashPieces {
  const advance = foreign.load(null).func("void sha256_multi_block(uint64_t, uint64_t, int)") as unknown as (states: number, messages: number, quads: 1 | 2) => void;
  const room = pin(WORDS * LANES * 4, foreign);
  const messages = pin(LANES * MESSAGE_BYTES, foreign);
  const ends = pin(LANES * MESSAGE_BYTES, foreign);
  const padding = pin(BLOCK_BYTES, foreign);
  const states = new Uint32Array(room.bytes.buffer);
  const start = Uint32Array.from({ length: WORDS * LANES }, (_, i) => initial[Math.floor(i / LANES)] as number);
  const own = new DataView(messages.bytes.buffer);
  const describe = (view: DataView, lane: number, address: number, blocks: number): void => {
    view.setUint32(lane * MESSAGE_BYTES, address % 2 ** 32, true);
    view.setUint32(lane * MESSAGE_BYTES + 4, Math.floor(address / 2 ** 32), true);
    view.setUint32(lane * MESSAGE_BYTES + 8, blocks, true);
  };
  // All messages end alike: a one, zeros, the length in bits (FIPS 180-4, 5.1.1).
  padding.bytes[0] = 0x80;
  new DataView(padding.bytes.buffer).setUint32(BLOCK_BYTES - 4, pieceBytes * 8);
  const all = new DataView(ends.bytes.buffer);
  for (let lane = 0; lane < LANES; lane++) describe(all, lane, padding.address, 1);

  return (bytes, target, offset) => {
    const pieces = Math.floor(bytes.length / pieceBytes);
    // A piece alone takes as long as two.
    if (pieces < 2) return 0;
    const address = Number(foreign.address(bytes));
    const hashes = new DataView(target.buffer, target.byteOffset + offset, pieces * HASH_BYTES);
    let done = 0;
    for (let count = 0; pieces - done > 1; done += count) {
      count = Math.min(LANES, pieces - done);
      for (let lane = 0; lane < LANES; lane++) describe(own, lane, lane < count ? address + (done + lane) * pieceBytes : padding.address, lane < count ? pieceBytes / BLOCK_BYTES : 0);
      const quads = count > LANES / 2 ? 2 : 1;
      states.set(start);
      advance(room.address, messages.address, quads);
      advance(room.address, ends.address, quads);
      for (let lane = 0; lane < count; lane++) for (let word = 0; word < WORDS; word++) hashes.setUint32((done + lane) * HASH_BYTES + word * 4, states[word * LANES + lane] as number);
    }
    return done;
  };
}

/** Whether it hashes as the documented function does, for each number of lanes. */
function givesTheSame(hash: HashPieces, pieceBytes: number): boolean {
  for (let pieces = 2; pieces <= LANES + 3; pieces++) {
    const bytes = Uint8Array.from({ length: pieces * pieceBytes }, (_, i) => i * 7 + Math.floor(i / 256));
    const [given, wanted] = [new Uint8Array(pieces * HASH_BYTES), new Uint8Array(pieces * HASH_BYTES)];
    const done = hash(bytes, given, 0);
    for (let i = 0; i < done; i++) writeHash(bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes), wanted, i * HASH_BYTES);
    if (done === 0 || Buffer.compare(given, wanted) !== 0) return false;
  }
  return true;
}
