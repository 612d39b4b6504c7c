import type { Stream } from "@libp2p/interface";
import { GainsayError } from "../../../protocol/errors.ts";
import { networkLimits } from "../limits.ts";
import { type BlobRequest, decodeRequest, keptBlobProtocol } from "./blobMessages.ts";
import type { Seat } from "./createSeats.ts";
import { decodeKeptRequest, type ListedRequest } from "./listedMessages.ts";
import { type Frames, openFrames } from "./openFrames.ts";
import { pacedFrames } from "./pacedFrames.ts";
import { type BlobSource, serveBlob } from "./serveBlob.ts";
import { serveListed } from "./serveListed.ts";

const limits = networkLimits.blob;

/**
 * Answers what is asked on one stream: one request, or on a kept stream one after another until the peer closes it or says nothing for too long. The next
 * request is read when the response has left, so a peer that asks faster than it takes is held back by its own window.
 * @param enter takes a place for the stream; undefined where there is none.
 * @throws GainsayError and whatever the source throws; the stream is then reset.
 */
export async function serveStream(stream: Stream, peer: string, source: BlobSource, enter: (close: () => void) => Seat | undefined, signal: AbortSignal): Promise<void> {
  const kept = stream.protocol === keptBlobProtocol;
  const frames = openFrames(stream, signal);
  const seat = enter(() => frames.abort(new GainsayError("The stream has waited longest of too many.", { code: "BLOB_BUSY", retryable: true })));
  if (seat === undefined) return frames.abort(busy());
  try {
    let request = await nextRequest(frames, kept, limits.readTimeoutMs);
    if (request === undefined) throw new GainsayError("The peer closed the stream without a request.", { code: "FRAME_INTERRUPTED" });
    while (request !== undefined) {
      if (!seat.begin()) throw busy();
      const paced = pacedFrames(frames);
      await ("list" in request ? serveListed(paced, request, peer, source) : serveBlob(paced, request, peer, source));
      if (!kept) break;
      seat.rest();
      request = await nextRequest(frames, kept, limits.servedIdleMs);
    }
    await frames.close(limits.writeTimeoutMs);
  } catch (error) {
    frames.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    seat.leave();
  }
}

async function nextRequest(frames: Frames, kept: boolean, timeoutMs: number): Promise<BlobRequest | ListedRequest | undefined> {
  const bytes = await frames.read(kept ? limits.listed.maxRequestBytes : limits.maxRequestBytes, timeoutMs);
  if (bytes === undefined) return undefined;
  return kept ? decodeKeptRequest(bytes) : decodeRequest(bytes);
}

function busy(): GainsayError {
  return new GainsayError("Too many blob streams are open.", { code: "BLOB_BUSY", retryable: true });
}
