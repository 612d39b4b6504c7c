import type { Stream } from "@libp2p/interface";
import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobName, chunksOf, decodeRequest, encodeHeader, isList } from "./blobMessages.ts";
import { openFrames } from "./openFrames.ts";

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

/** Answers one request on one stream. @throws GainsayError and whatever the source throws; the stream is then reset. */
export async function serveBlob(stream: Stream, peer: string, source: BlobSource, signal: AbortSignal): Promise<void> {
  const frames = openFrames(stream, signal);
  let blob: OpenBlob | undefined;
  try {
    const bytes = await frames.read(limits.maxRequestBytes, limits.readTimeoutMs);
    if (bytes === undefined) throw new GainsayError("The peer closed the stream without a request.", { code: "FRAME_INTERRUPTED" });
    const { name, firstChunk, chunkCount, leaves: wantsLeaves } = decodeRequest(bytes);
    const send = (frame: Uint8Array) => frames.write(frame, limits.writeTimeoutMs);

    blob = await source.open(name, peer);
    if (blob === undefined) {
      await send(encodeHeader({ found: false }));
    } else {
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
        const length = Math.min(limits.frameBytes, end - offset);
        const part = await blob.read(offset, length);
        if (part.length !== length) {
          throw new GainsayError("A stored blob is shorter than it says; check the store.", { code: "BLOB_SOURCE_FAILED", details: { name } });
        }
        await send(part);
      }
    }
    await frames.close(limits.writeTimeoutMs);
  } catch (error) {
    frames.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    await blob?.close?.();
  }
}
