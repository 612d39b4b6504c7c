import type { Stream } from "@libp2p/interface";
import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobHeader, type BlobName, decodeHeader, encodeRequest } from "./blobMessages.ts";
import { type BlobAssembly, corrupt } from "./createBlobAssembly.ts";
import { type Frames, openFrames } from "./openFrames.ts";

const limits = networkLimits.blob;

export interface ReceiveOptions {
  /** Milliseconds for each frame. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  onBytes: () => void;
}

/**
 * Asks one peer on one stream for what the assembly lacks, up to the chunks of one request, and lets the assembly check each
 * frame. Resolves after at least some progress.
 * @throws GainsayError `BLOB_CORRUPT`, `BLOB_NOT_FOUND`, `BLOB_TOO_LARGE`, `BLOB_TIMEOUT`, `BLOB_INTERRUPTED`, `ABORTED`.
 */
export async function receiveBlob(
  stream: Stream,
  name: BlobName,
  assembly: BlobAssembly,
  peer: string,
  options: ReceiveOptions,
): Promise<void> {
  const { timeoutMs, signal, onBytes } = options;
  const frames = openFrames(stream, signal);
  try {
    const firstChunk = assembly.nextChunk;
    const leaves = assembly.needsLeaves(peer);
    await frames.write(encodeRequest({ name, firstChunk, chunkCount: limits.maxChunksPerRequest, leaves }), timeoutMs);
    const header = parseHeader(await required(frames, limits.maxHeaderBytes, timeoutMs), peer);
    if (!header.found) {
      throw new GainsayError("The peer does not have the blob; ask another peer.", { code: "BLOB_NOT_FOUND", details: { name, peer } });
    }
    const chunks = assembly.takeHeader(header, peer);
    if (leaves) await assembly.takeLeaves(await readLeaves(frames, header.leafCount, timeoutMs, peer), header, peer);
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
    // All is verified: how the peer ends the stream is no reason to wait, or to fail.
    void frames.finish(timeoutMs);
  } catch (error) {
    const known = asBlobError(error, peer);
    frames.abort(known);
    throw known;
  }
}

async function readLeaves(frames: Frames, leafCount: number, timeoutMs: number, peer: string): Promise<Uint8Array> {
  // Kept in parts until all are there: memory grows with what the peer really sends, not with what it announces.
  const parts: Uint8Array[] = [];
  for (let missing = leafCount * limits.leafBytes; missing > 0; ) {
    const length = Math.min(limits.frameBytes, missing);
    const frame = await required(frames, length, timeoutMs);
    if (frame.length !== length) throw corrupt("leaf frame has a wrong length", [peer]);
    parts.push(frame);
    missing -= length;
  }
  return Buffer.concat(parts);
}

async function required(frames: Frames, maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
  const frame = await frames.read(maxBytes, timeoutMs);
  if (frame !== undefined) return frame;
  throw new GainsayError("The peer ended the stream early.", { code: "FRAME_INTERRUPTED", retryable: true });
}

function parseHeader(bytes: Uint8Array, peer: string): BlobHeader {
  try {
    return decodeHeader(bytes);
  } catch (cause) {
    throw corrupt("header is malformed", [peer], cause);
  }
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
