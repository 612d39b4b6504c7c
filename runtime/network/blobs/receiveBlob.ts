import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobName, decodeHeader, encodeRequest } from "./blobMessages.ts";
import { type BlobAssembly, corrupt } from "./createBlobAssembly.ts";
import type { Frames } from "./openFrames.ts";

const limits = networkLimits.blob;

export interface ReceiveOptions {
  /** Milliseconds for each frame. */
  timeoutMs: number;
  onBytes: () => void;
}

/**
 * Asks one peer on one stream for what the assembly lacks, up to the chunks of one request, and lets the assembly check each
 * frame. Resolves after at least some progress, when all of the response has come.
 * @throws GainsayError `BLOB_CORRUPT`, `BLOB_NOT_FOUND`, `BLOB_TOO_LARGE`, `BLOB_TIMEOUT`, `BLOB_INTERRUPTED`, `ABORTED`; the stream is then reset, except
 * after `BLOB_NOT_FOUND`.
 */
export async function receiveBlob(
  frames: Frames,
  name: BlobName,
  assembly: BlobAssembly,
  peer: string,
  options: ReceiveOptions,
): Promise<void> {
  const { timeoutMs, onBytes } = options;
  try {
    const firstChunk = assembly.nextChunk;
    const leaves = assembly.needsLeaves(peer);
    await frames.write(encodeRequest({ name, firstChunk, chunkCount: limits.maxChunksPerRequest, leaves }), timeoutMs);
    const header = parseHeader(decodeHeader, await required(frames, limits.maxHeaderBytes, timeoutMs), peer);
    if (!header.found) throw notFound(name, peer);
    const chunks = assembly.takeHeader(header, peer);
    if (leaves) await assembly.takeLeaves(await readRun(frames, header.leafCount * limits.leafBytes, timeoutMs, peer), header, peer);
    onBytes();
    // A bundle's new leaves may have undone chunks before the first that was asked for: those come with the next request.
    if (assembly.nextChunk !== firstChunk) {
      frames.abort(new GainsayError("The rest of the response is not needed.", { code: "FRAME_INTERRUPTED" }));
      return;
    }
    const end = Math.min(firstChunk + limits.maxChunksPerRequest, chunks);
    while (assembly.nextChunk < end) {
      const start = assembly.nextChunk * limits.chunkBytes;
      const length = Math.min(limits.frameBytes, Math.min(end * limits.chunkBytes, header.byteLength) - start);
      const frame = await required(frames, length, timeoutMs);
      // Full frames only: the deadline of a frame then is a floor under the peer's speed.
      if (frame.length !== length) throw corrupt("data frame has a wrong length", [peer]);
      assembly.takeChunks(frame, peer);
      onBytes();
    }
  } catch (error) {
    throw failed(frames, error, peer);
  }
}

/** Reads so many bytes in full frames, of which only the last may be shorter. */
export async function readRun(frames: Frames, byteLength: number, timeoutMs: number, peer: string): Promise<Uint8Array> {
  // Kept in parts until all are there: memory grows with what the peer really sends, not with what it announces.
  const parts: Uint8Array[] = [];
  for (let missing = byteLength; missing > 0; ) {
    const length = Math.min(limits.frameBytes, missing);
    const frame = await required(frames, length, timeoutMs);
    if (frame.length !== length) throw corrupt("frame has a wrong length", [peer]);
    parts.push(frame);
    missing -= length;
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

export async function required(frames: Frames, maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
  const frame = await frames.read(maxBytes, timeoutMs);
  if (frame !== undefined) return frame;
  throw new GainsayError("The peer ended the stream early.", { code: "FRAME_INTERRUPTED", retryable: true });
}

export function parseHeader<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array, peer: string): T {
  try {
    return decode(bytes);
  } catch (cause) {
    throw corrupt("header is malformed", [peer], cause);
  }
}

export function notFound(name: BlobName, peer: string): GainsayError {
  return new GainsayError("The peer does not have the blob; ask another peer.", { code: "BLOB_NOT_FOUND", details: { name, peer } });
}

/** The error in the words of blobs; resets the stream, unless the response was whole. */
export function failed(frames: Frames, error: unknown, peer: string): GainsayError {
  const known = asBlobError(error, peer);
  if (known.code !== "BLOB_NOT_FOUND") frames.abort(known);
  return known;
}

/** Says in the words of blobs what went wrong with the frames. */
function asBlobError(error: unknown, peer: string): GainsayError {
  if (!(error instanceof GainsayError)) {
    return new GainsayError("Receiving a blob failed.", { code: "BLOB_INTERRUPTED", retryable: true, details: { peer }, cause: error });
  }
  switch (error.code) {
    case "FRAME_INVALID":
      return corrupt("frame is malformed", [peer], error);
    case "FRAME_TIMEOUT":
      return new GainsayError("The peer stalled; ask another peer.", { code: "BLOB_TIMEOUT", retryable: true, details: { peer }, cause: error });
    case "FRAME_INTERRUPTED":
      return new GainsayError("The peer broke off; ask again or ask another peer.", { code: "BLOB_INTERRUPTED", retryable: true, details: { peer }, cause: error });
    default:
      return error;
  }
}
