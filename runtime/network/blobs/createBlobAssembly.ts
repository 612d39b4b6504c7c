import { createHash, hash } from "node:crypto";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobHeader, type BlobName, chunksOf, isList } from "./blobMessages.ts";

const { chunkBytes, leafBytes, frameBytes } = networkLimits.blob;

/** How roots are computed; both throw or answer another root for what cannot be. */
export interface BlobVerifier {
  /** @param leaves n·32 bytes, the SHA-256 of each 1024-byte chunk. */
  tensorRootFromLeaves(leaves: Uint8Array, byteLength: number): Uint8Array | Promise<Uint8Array>;
  /** @param leaves n·32 bytes, the items. */
  listRootFromLeaves(domain: string, leaves: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** What is held of a blob so far, verified as it grows, whichever peers it comes from. */
export interface BlobAssembly {
  /** The first chunk that is not held yet. */
  readonly nextChunk: number;
  readonly heldBytes: number;
  readonly complete: boolean;
  /** The leaf hashes that are held: none at first, and of a bundle not before it is finished to be believed. */
  readonly leaves: Uint8Array;
  /** Whether this peer has to send the leaf hashes first. */
  needsLeaves(peer: string): boolean;
  /** Takes a header; returns the number of chunks the blob is sent in. */
  takeHeader(header: Extract<BlobHeader, { found: true }>, peer: string): number;
  /** Takes all leaf hashes of the blob. */
  takeLeaves(leaves: Uint8Array, header: Extract<BlobHeader, { found: true }>, peer: string): Promise<void>;
  /** Takes whole chunks that follow what is held. */
  takeChunks(bytes: Uint8Array, peer: string): void;
  /** The blob, once complete; for a bundle this checks the hash of the whole. */
  finish(): Promise<Uint8Array>;
}

/** The error that convicts peers of having sent wrong data; `details.peers` are their ids. */
export function corrupt(reason: string, peers: readonly string[], cause?: unknown): GainsayError {
  return new GainsayError("A peer sent data that does not match its hash; it is cut off, ask another peer.", {
    code: "BLOB_CORRUPT",
    kind: "verification",
    details: { reason, peers: [...peers] },
    cause,
  });
}

/**
 * Leaves of tensors and lists are checked against the root when they come, so they hold for all peers. Those of a bundle can
 * only be checked once all bytes are there: until then they are the claim of the peers that sent them (`vouchers`), who answer
 * for them, and each further peer must send its own.
 */
export function createBlobAssembly(name: BlobName, maxBytes: number, verify: BlobVerifier): BlobAssembly {
  const root = Buffer.from(name.root.slice(2), "hex");
  let leaves: Uint8Array | undefined;
  let byteLength = 0;
  let data = new Uint8Array(0);
  let nextChunk = 0;
  let vouchers: string[] = [];

  const chunkMatches = (chunk: Uint8Array, index: number, hashes: Uint8Array) =>
    hash("sha256", chunk, "buffer").equals(hashes.subarray(index * leafBytes, (index + 1) * leafBytes));

  async function verifyLeaves(candidate: Uint8Array, claimedLength: number, peer: string): Promise<void> {
    if (name.kind === "bundle" || name.kind === "inner") return;
    let computed: Uint8Array;
    try {
      computed = await (name.kind === "tensor"
        ? verify.tensorRootFromLeaves(candidate, claimedLength)
        : verify.listRootFromLeaves(name.domain, candidate));
    } catch (cause) {
      throw corrupt("leaves have no root", [peer], cause);
    }
    if (!root.equals(computed)) throw corrupt("leaves do not match the root", [peer]);
  }

  const complete = () => leaves !== undefined && nextChunk === chunksOf(name, byteLength);

  return {
    get nextChunk() {
      return nextChunk;
    },
    get heldBytes() {
      return isList(name) ? data.length : Math.min(byteLength, nextChunk * chunkBytes);
    },
    get complete() {
      return complete();
    },
    get leaves() {
      return leaves ?? new Uint8Array(0);
    },
    needsLeaves: (peer) => leaves === undefined || (name.kind === "bundle" && !vouchers.includes(peer)),

    takeHeader(header, peer) {
      if (header.byteLength > maxBytes) {
        throw new GainsayError("The blob is larger than was allowed for; raise the limit or ask for another blob.", {
          code: "BLOB_TOO_LARGE",
          details: { byteLength: header.byteLength, maxBytes },
        });
      }
      const chunks = chunksOf(name, header.byteLength);
      // A tree over nothing may be defined with one leaf or with none; its root decides.
      const sound =
        isList(name)
          ? header.byteLength === header.leafCount * leafBytes
          : header.leafCount === chunks || (chunks === 0 && header.leafCount === 1);
      if (!sound) throw corrupt("header contradicts itself", [peer]);
      if (leaves !== undefined && name.kind !== "bundle" && header.byteLength !== byteLength) {
        throw corrupt("header contradicts the root", [peer]);
      }
      return chunks;
    },

    async takeLeaves(candidate, header, peer) {
      await verifyLeaves(candidate, header.byteLength, peer);
      if (leaves !== undefined && header.byteLength === byteLength && Buffer.compare(leaves, candidate) === 0) {
        vouchers.push(peer);
        return;
      }
      // Another claim about a bundle: what was held stays as far as it agrees with the new one.
      const old = data.subarray(0, Math.min(nextChunk * chunkBytes, byteLength));
      const kept = new Uint8Array(isList(name) ? 0 : header.byteLength);
      let index = 0;
      for (; index < nextChunk; index += 1) {
        const chunk = old.subarray(index * chunkBytes, (index + 1) * chunkBytes);
        const length = Math.min(chunkBytes, header.byteLength - index * chunkBytes);
        if (chunk.length !== length || !chunkMatches(chunk, index, candidate)) break;
        kept.set(chunk, index * chunkBytes);
      }
      leaves = candidate;
      byteLength = header.byteLength;
      data = isList(name) ? new Uint8Array(candidate) : kept;
      nextChunk = index;
      vouchers = [peer];
    },

    takeChunks(bytes, peer) {
      if (leaves === undefined) throw corrupt("chunks before leaves", [peer]);
      for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
        const chunk = bytes.subarray(offset, offset + chunkBytes);
        const start = nextChunk * chunkBytes;
        if (chunk.length !== Math.min(chunkBytes, byteLength - start)) throw corrupt("chunk has a wrong length", [peer]);
        if (!chunkMatches(chunk, nextChunk, leaves)) throw corrupt("chunk does not match its leaf", [peer]);
        data.set(chunk, start);
        nextChunk += 1;
      }
    },

    async finish() {
      if (name.kind !== "bundle") return data;
      const whole = createHash("sha256");
      for (let offset = 0; offset < data.length; offset += 128 * frameBytes) {
        whole.update(data.subarray(offset, offset + 128 * frameBytes));
        await yieldToOthers();
      }
      if (whole.digest().equals(root)) return data;
      const liars = vouchers;
      leaves = undefined;
      data = new Uint8Array(0);
      nextChunk = 0;
      vouchers = [];
      throw corrupt("bundle does not match its hash", liars);
    },
  };
}
