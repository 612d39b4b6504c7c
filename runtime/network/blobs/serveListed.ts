import { toHex } from "../../../protocol/hex.ts";
import { networkLimits } from "../limits.ts";
import type { BlobName } from "./blobMessages.ts";
import { encodeListedHeader, knownIn, knownNameOf, type ListedRequest, sentBits } from "./listedMessages.ts";
import type { Frames } from "./openFrames.ts";
import { type BlobSource, type OpenBlob, readWhole } from "./serveBlob.ts";

const { leafBytes, frameBytes, writeTimeoutMs, listed } = networkLimits.blob;

/** Answers one request for a list with its tensors. @throws GainsayError and whatever the source throws. */
export async function serveListed(frames: Pick<Frames, "write">, request: ListedRequest, peer: string, source: BlobSource): Promise<void> {
  const list = await opened(source, request.list, peer, (blob) => blob.leaves());
  const items = list === undefined ? 0 : list.length / leafBytes;
  if (list === undefined || items > listed.maxItems) return frames.write(encodeListedHeader({ found: false }), writeTimeoutMs);
  const known = knownIn(request);
  const parts = [list];
  const sent: boolean[] = [];
  let room: number = listed.maxBytes;
  for (let index = 0; index < items; index += 1) {
    const root = toHex(list.subarray(index * leafBytes, (index + 1) * leafBytes));
    const bytes = room === 0 || known.has(knownNameOf(root)) ? undefined : await opened(source, { kind: "tensor", root }, peer, async (blob) => (blob.byteLength <= room ? readWhole(blob, root) : undefined));
    sent.push(bytes !== undefined);
    if (bytes === undefined) continue;
    parts.push(bytes);
    room -= bytes.length;
  }
  const payload = Buffer.concat(parts);
  const header = encodeListedHeader({ found: true, items, sent: sentBits(sent), byteLength: payload.length });
  // What fits goes out together with the header: a small trace is one packet.
  await frames.write([header, payload.subarray(0, frameBytes)], writeTimeoutMs);
  for (let offset = frameBytes; offset < payload.length; offset += frameBytes) await frames.write(payload.subarray(offset, offset + frameBytes), writeTimeoutMs);
}

/** Opens a blob for as long as the work takes. */
async function opened<T>(source: BlobSource, name: BlobName, peer: string, work: (blob: OpenBlob) => Promise<T>): Promise<T | undefined> {
  const blob = await source.open(name, peer);
  if (blob === undefined) return undefined;
  try {
    return await work(blob);
  } finally {
    await blob.close?.();
  }
}
