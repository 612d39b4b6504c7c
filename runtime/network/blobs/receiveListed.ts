import { setImmediate as yieldToOthers } from "node:timers/promises";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { tensorLeaves } from "../../../protocol/trees/tensorTree.ts";
import { networkLimits } from "../limits.ts";
import type { ListBlobName } from "./blobMessages.ts";
import { type BlobVerifier, corrupt } from "./createBlobAssembly.ts";
import { decodeListedHeader, encodeListedRequest, namesOfKnown, readSentBits } from "./listedMessages.ts";
import type { Frames } from "./openFrames.ts";
import { failed, notFound, parseHeader, readRun, required } from "./receiveBlob.ts";

const { leafBytes, listed } = networkLimits.blob;
/** Bytes that are hashed before the event loop gets a turn. */
const BYTES_A_TURN = 256 * 1024;

/** Bytes of a tensor with the hashes of its chunks, as they were verified. */
export interface HashedBlob {
  bytes: Uint8Array;
  leaves: Uint8Array;
}

/** A list, and what came of the tensors that it names, by their place in it. All of it is verified, except the items of an inner list. */
export interface Listed {
  items: Uint8Array;
  tensors: ReadonlyMap<number, HashedBlob>;
}

export interface ListedWish {
  list: ListBlobName;
  /** Bytes of each tensor of the list. */
  lengths: readonly number[];
  /** Roots of tensors that need not come. */
  known: readonly Hex[];
}

/** Asks one peer on one kept stream for lists with their tensors, whose responses come in this order. @throws GainsayError as {@link receiveBlob} does. */
export async function requestListed(frames: Frames, wishes: readonly [ListedWish, ...ListedWish[]], peer: string, timeoutMs: number): Promise<void> {
  const [first, ...more] = wishes.map(({ list, known }) => encodeListedRequest({ list, known: namesOfKnown(known) }));
  try {
    await frames.write([first as Uint8Array, ...more], timeoutMs);
  } catch (error) {
    throw failed(frames, error, peer);
  }
}

/**
 * Receives one list with its tensors. What came is checked when all of it is there, at most half a mebibyte, and before any of it is
 * given on. Resolves to undefined if list or tensors are not of the lengths that were asked for: what is wrong with them shows when they are fetched one by one.
 * @throws GainsayError as {@link receiveBlob} does.
 */
export async function receiveListed(frames: Frames, { list, lengths, known }: ListedWish, verify: BlobVerifier, peer: string, timeoutMs: number): Promise<Listed | undefined> {
  try {
    const header = parseHeader(decodeListedHeader, await required(frames, listed.maxHeaderBytes, timeoutMs), peer);
    if (!header.found) throw notFound(list, peer);
    const places = readSentBits(header.sent, header.items).flatMap((is, index) => (is ? [index] : []));
    const payload = await readRun(frames, header.byteLength, timeoutMs, peer);
    return await takeApart(payload, header.items, places, { list, lengths, known }, verify, peer);
  } catch (error) {
    throw failed(frames, error, peer);
  }
}

async function takeApart(payload: Uint8Array, count: number, places: readonly number[], { list, lengths }: ListedWish, verify: BlobVerifier, peer: string): Promise<Listed | undefined> {
  if (payload.length < count * leafBytes) throw corrupt("items are missing", [peer]);
  const items = new Uint8Array(payload.subarray(0, count * leafBytes));
  if (list.kind === "list") await expectRoot("items do not match the root", Buffer.from(list.root.slice(2), "hex"), () => verify.listRootFromLeaves(list.domain, items), peer);
  if (count !== lengths.length || places.reduce((sum, index) => sum + (lengths[index] as number), items.length) !== payload.length) return undefined;
  const tensors = new Map<number, HashedBlob>();
  let offset = items.length;
  let hashed = 0;
  for (const index of places) {
    // A copy of its own: aligned, and not in the way of the rest's being forgotten.
    const bytes = new Uint8Array(payload.subarray(offset, (offset += lengths[index] as number)));
    if (bytes.length === 0) throw corrupt("a tensor has no bytes", [peer]);
    const leaves = tensorLeaves(bytes);
    await expectRoot("a tensor does not match its root", items.subarray(index * leafBytes, (index + 1) * leafBytes), () => verify.tensorRootFromLeaves(leaves, bytes.length), peer);
    tensors.set(index, { bytes, leaves });
    if ((hashed += bytes.length) < BYTES_A_TURN) continue;
    hashed = 0;
    await yieldToOthers();
  }
  return { items, tensors };
}

async function expectRoot(reason: string, wanted: Uint8Array, compute: () => Uint8Array | Promise<Uint8Array>, peer: string): Promise<void> {
  let computed: Uint8Array;
  try {
    computed = await compute();
  } catch (cause) {
    throw corrupt(reason, [peer], cause);
  }
  if (Buffer.compare(computed, wanted) !== 0) throw corrupt(`${reason}: ${toHex(computed)}`, [peer]);
}
