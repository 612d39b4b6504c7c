import type { Stream } from "@libp2p/interface";
import { blobProtocol, type BlobRequest, decodeRequest, encodeHeader } from "../../../runtime/network/blobs/blobMessages.ts";
import { type Frames, openFrames } from "../../../runtime/network/blobs/openFrames.ts";
import { addressOf, leavesOf, type Sample, startBareNode } from "./helpers.ts";

const frameBytes = 65_536;

/** What a dishonest server does once it has a request. */
export type Misbehaviour = (frames: Frames, request: BlobRequest, stream: Stream) => Promise<void>;

/** Starts a node whose blob streams follow the misbehaviour; resolves to its peer id and address. */
export async function startLiar(misbehaviour: Misbehaviour): Promise<{ peer: string; address: string; requests: BlobRequest[] }> {
  const node = await startBareNode();
  const requests: BlobRequest[] = [];
  await node.handle(blobProtocol, async (stream) => {
    const frames = openFrames(stream);
    const request = decodeRequest((await frames.read(512, 10_000)) ?? new Uint8Array());
    requests.push(request);
    await misbehaviour(frames, request, stream).catch(() => undefined);
  });
  return { peer: node.peerId.toString(), address: addressOf(node), requests };
}

async function sendInFrames(frames: Frames, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += frameBytes) await frames.write(bytes.subarray(offset, offset + frameBytes), 10_000);
}

async function sendBlob(frames: Frames, request: BlobRequest, leaves: Uint8Array, data: Uint8Array, byteLength = data.length): Promise<void> {
  await frames.write(encodeHeader({ found: true, byteLength, leafCount: leaves.length / 32 }), 10_000);
  if (request.leaves) await sendInFrames(frames, leaves);
  await sendInFrames(frames, data.subarray(request.firstChunk * 1_024));
}

/** Sends the right leaves, and data with one bit flipped at a position. */
export const wrongByte = ({ data, leaves }: Sample, position: number): Misbehaviour => {
  const changed = Uint8Array.from(data);
  changed[position] = (changed[position] ?? 0) ^ 1;
  return (frames, request) => sendBlob(frames, request, leaves, changed);
};

/** Sends other data and the leaves that fit it: consistent with itself, not with the name. */
export const otherBlob = ({ data }: Sample, position: number): Misbehaviour => {
  const changed = Uint8Array.from(data);
  changed[position] = (changed[position] ?? 0) ^ 1;
  return (frames, request) => sendBlob(frames, request, leavesOf(changed), changed);
};

/** Sends a list with one bit flipped. */
export const wrongItem = ({ data }: Sample): Misbehaviour => {
  const changed = Uint8Array.from(data);
  changed[0] = (changed[0] ?? 0) ^ 1;
  return (frames, request) => sendBlob(frames, request, changed, new Uint8Array(), changed.length);
};

/** Ends the stream after that many bytes of data. */
export const truncated = ({ data, leaves }: Sample, bytes: number): Misbehaviour => async (frames, request) => {
  await frames.write(encodeHeader({ found: true, byteLength: data.length, leafCount: leaves.length / 32 }), 10_000);
  if (request.leaves) await sendInFrames(frames, leaves);
  await sendInFrames(frames, data.subarray(0, bytes));
  await frames.close(10_000);
};

/** Sends that many bytes of data and then nothing, for ever. */
export const staller = (sample: Sample, bytes: number, blob: Sample = sample): Misbehaviour => async (frames, request) => {
  await frames.write(encodeHeader({ found: true, byteLength: blob.data.length, leafCount: blob.leaves.length / 32 }), 10_000);
  if (request.leaves) await sendInFrames(frames, blob.leaves);
  await sendInFrames(frames, blob.data.subarray(0, bytes));
};

/** Takes the request and never says a word. */
export const silent: Misbehaviour = async () => undefined;

/** Answers with these bytes as they are, frame or not. */
export const rawBytes = (bytes: Uint8Array): Misbehaviour => async (_frames, _request, stream) => {
  stream.send(bytes);
};

/** Announces a blob of that length. */
export const announces = (byteLength: number, leafCount: number): Misbehaviour => async (frames) => {
  await frames.write(encodeHeader({ found: true, byteLength, leafCount }), 10_000);
};

/** Gives everything, and then more than was asked for. */
export const talkative = ({ data, leaves }: Sample): Misbehaviour => async (frames, request) => {
  await sendBlob(frames, request, leaves, data);
  await frames.write(new Uint8Array(10), 10_000);
};
