import { availableParallelism } from "node:os";
import { GainsayError } from "../../protocol/errors.ts";
import { depthOf, subtreeTop } from "../../protocol/trees/merkle.ts";
import { CHUNK_BYTES, chunkCount, tensorLeaves, tensorRootFromLeaves, tensorRootFromTop, tensorTree } from "../../protocol/trees/tensorTree.ts";
import { createThreadPool, hasherFailed } from "./createThreadPool.ts";
import { readPart, type FilePart } from "./filePart.ts";
import { INLINE_BYTES } from "./inlineBytes.ts";

const INLINE_LEAVES = 512;
/** The same where no thread has been needed before: one starts in 40 ms. */
const COLD_INLINE_BYTES = 4 * 1024 * 1024;
/** Chunks a thread gets at a time; powers of two, so that each part is a subtree. */
const MIN_PART_CHUNKS = 128;
const MAX_PART_CHUNKS = 2048;

/** How many of the places into which parts are copied are kept, of 2 MiB at most. */
const MOST_SPARE = 8;

export interface HasherOptions {
  /** Number of hashing threads; default: as many as the machine runs at once. */
  threads?: number;
}

/** Hashes tensors on worker threads, so that the event loop stays free. Bytes in shared memory are read without a copy. */
export interface Hasher {
  start(): void;
  /** Ends the threads; work in flight is rejected with `HASHER_STOPPED`. */
  stop(): Promise<void>;
  /** Concatenated SHA-256 hashes of the 1 KiB chunks of a tensor's committed bytes (docs/protocol.md §1). */
  leaves(bytes: Uint8Array): Promise<Uint8Array>;
  /** Tensor root from the chunk hashes. */
  root(leaves: Uint8Array, byteLength: number): Promise<Uint8Array>;
  /** Both of them, in one pass. The bytes must not change meanwhile; those of a file are read where they are hashed, and never are in memory as a whole. */
  commit(bytes: Uint8Array | FilePart): Promise<{ root: Uint8Array; leaves: Uint8Array }>;
}

/** Makes a pool of hashing threads; `start` sets them going. Throws `HASHER_OPTIONS` for a number of threads that makes no sense. */
export function createHasher(options: HasherOptions = {}): Hasher {
  const size = options.threads ?? availableParallelism();
  if (!Number.isInteger(size) || size < 1 || size > 256) {
    throw new GainsayError("The number of hashing threads must be a whole number from 1 to 256.", { code: "HASHER_OPTIONS", kind: "usage", details: { threads: size } });
  }
  const pool = createThreadPool(size);
  /** Shared memory for copies of parts, the largest first, used again: the garbage collector does not see how much of it there is. */
  const spare: SharedArrayBuffer[] = [];

  const copyOf = (bytes: Uint8Array): Uint8Array => {
    const at = spare.findLastIndex(({ byteLength }) => byteLength >= bytes.length);
    const room = at < 0 ? new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes.length))) : (spare.splice(at, 1)[0] as SharedArrayBuffer);
    const copy = new Uint8Array(room, 0, bytes.length);
    copy.set(bytes);
    return copy;
  };
  const giveBack = ({ buffer }: Uint8Array): void => {
    spare.push(buffer as SharedArrayBuffer);
    spare.sort((a, b) => b.byteLength - a.byteLength).splice(MOST_SPARE);
  };

  /** Hashes in parts; with `tops`, the top of each part's subtree as well. */
  const hashParts = async (bytes: Uint8Array | FilePart, leaves: Uint8Array, partHeight: number, tops?: Uint8Array): Promise<void> => {
    const partChunks = 2 ** partHeight;
    const parts: Promise<void>[] = [];
    for (let first = 0, i = 0; first * 32 < leaves.length; first += partChunks, i++) {
      let copy: Uint8Array | undefined;
      const part = pool.submit(() => {
        const chunks = partOf(bytes, first * CHUNK_BYTES, (first + partChunks) * CHUNK_BYTES);
        if (chunks instanceof Uint8Array && !isShared(chunks)) copy = copyOf(chunks);
        return { chunks: copy ?? chunks, leaves: leaves.subarray(first * 32, (first + partChunks) * 32), height: partHeight, ...(tops === undefined ? {} : { top: tops.subarray(i * 32, (i + 1) * 32) }) };
      });
      // After a failure a thread may still be at work on it.
      parts.push(part.then(() => copy && giveBack(copy)));
    }
    await Promise.all(parts);
  };

  return {
    start: pool.start,
    stop: pool.stop,
    async leaves(bytes) {
      if (bytes.length <= INLINE_BYTES) return tensorLeaves(bytes);
      const leaves = sharedBytes(chunkCount(bytes.length) * 32);
      await hashParts(bytes, leaves, partHeightFor(chunkCount(bytes.length), size));
      return leaves;
    },
    async root(leaves, byteLength) {
      if (leaves.length <= INLINE_LEAVES * 32) return tensorRootFromLeaves(leaves, byteLength);
      const count = chunkCount(byteLength);
      if (leaves.length !== count * 32) return tensorRootFromTop(byteLength, tensorTree(leaves, byteLength).top);
      const top = sharedBytes(32);
      const given = isShared(leaves) ? leaves : copyOf(leaves);
      await pool.submit(() => ({ leaves: given, top, height: depthOf(count) }));
      if (given !== leaves) giveBack(given);
      return tensorRootFromTop(byteLength, top);
    },
    async commit(bytes) {
      const { byteLength } = bytes;
      if (byteLength <= INLINE_BYTES || (byteLength <= COLD_INLINE_BYTES && pool.cold())) {
        const leaves = tensorLeaves(bytes instanceof Uint8Array ? bytes : readWhole(bytes));
        return { leaves, root: tensorRootFromLeaves(leaves, byteLength) };
      }
      const count = chunkCount(byteLength);
      const partHeight = partHeightFor(count, size);
      const leaves = sharedBytes(count * 32);
      const tops = sharedBytes(Math.ceil(count / 2 ** partHeight) * 32);
      await hashParts(bytes, leaves, partHeight, tops);
      return { leaves, root: tensorRootFromTop(byteLength, subtreeTop(tops, depthOf(count) - partHeight, partHeight)) };
    },
  };
}

/** Height of the subtree that a thread gets at a time: about two parts a thread, within the limits. */
function partHeightFor(chunks: number, threads: number): number {
  const wanted = Math.min(MAX_PART_CHUNKS, Math.max(MIN_PART_CHUNKS, chunks / threads / 2));
  return Math.floor(Math.log2(wanted));
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function readWhole(part: FilePart): Uint8Array {
  try {
    return readPart(part, new Uint8Array(part.byteLength));
  } catch (cause) {
    throw hasherFailed((cause as Error).message, cause);
  }
}

/** A part of bytes, or of those in a file. */
function partOf(bytes: Uint8Array | FilePart, start: number, end: number): Uint8Array | FilePart {
  if (bytes instanceof Uint8Array) return bytes.subarray(start, end);
  return { ...bytes, at: bytes.at + start, byteLength: Math.min(end, bytes.byteLength) - start };
}

/** Whether threads see these bytes where they lie. */
function isShared({ buffer }: Uint8Array): boolean {
  return buffer instanceof SharedArrayBuffer;
}
