import type { Hex } from "../../../protocol/hex.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobName, type BlobRequest, chunksOf, encodeHeader, isList } from "./blobMessages.ts";
import type { Frames } from "./openFrames.ts";

const limits = networkLimits.blob;

/** One blob that can be read. */
export interface OpenBlob {
  byteLength: number;
  /** SHA-256 of each 1024-byte chunk, n·32 bytes; for a list, its items. */
  leaves(): Promise<Uint8Array>;
  /** Exactly `length` bytes from `offset`. Not called for lists. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Releases what the blob holds, such as a file handle. */
  close?(): Promise<void>;
}

/** Where served blobs come from. */
export interface BlobSource {
  /** @param peer id of the peer that asks. */
  open(name: BlobName, peer: string): Promise<OpenBlob | undefined>;
}

/** Answers one request for one blob. @throws GainsayError and whatever the source throws. */
export async function serveBlob(frames: Pick<Frames, "write">, { name, firstChunk, chunkCount, leaves: wantsLeaves }: BlobRequest, peer: string, source: BlobSource): Promise<void> {
  const send = (frame: Uint8Array) => frames.write(frame, limits.writeTimeoutMs);
  const blob = await source.open(name, peer);
  if (blob === undefined) return send(encodeHeader({ found: false }));
  try {
    const { byteLength } = blob;
    const needed = wantsLeaves || isList(name);
    const leaves = needed ? await blob.leaves() : undefined;
    // Without its hashes at hand, the number of leaves is that of the chunks.
    const leafCount = leaves === undefined ? chunksOf(name, byteLength) : leaves.length / limits.leafBytes;
    await send(encodeHeader({ found: true, byteLength, leafCount }));
    if (wantsLeaves && leaves !== undefined) {
      for (let offset = 0; offset < leaves.length; offset += limits.frameBytes) {
        await send(leaves.subarray(offset, offset + limits.frameBytes));
      }
    }
    const last = Math.min(firstChunk + chunkCount, chunksOf(name, byteLength));
    const end = Math.min(last * limits.chunkBytes, byteLength);
    for (let offset = firstChunk * limits.chunkBytes; offset < end; offset += limits.frameBytes) {
      await send(await readPart(blob, offset, Math.min(limits.frameBytes, end - offset), name.root));
    }
  } finally {
    await blob.close?.();
  }
}

/** All bytes of a blob. */
export function readWhole(blob: OpenBlob, root: Hex): Promise<Uint8Array> {
  return readPart(blob, 0, blob.byteLength, root);
}

async function readPart(blob: OpenBlob, offset: number, length: number, root: Hex): Promise<Uint8Array> {
  const part = await blob.read(offset, length);
  if (part.length === length) return part;
  throw new GainsayError("A stored blob is shorter than it says; check the store.", { code: "BLOB_SOURCE_FAILED", details: { root } });
}
