import { z } from "zod";
import type { Hex } from "../../../protocol/hex.ts";
import { decodeCanonical, encodeCanonical } from "../canonicalJson.ts";
import { networkLimits } from "../limits.ts";

/**
 * The protocol of blob streams: one request and its response a stream, each frame behind its length as an unsigned varint.
 *
 * 1. The requester sends a request as canonical JSON.
 * 2. The server sends a header as canonical JSON. If it has the blob and leaves were asked for, all leaf hashes follow, 32 bytes
 *    each; then the chunks asked for, as far as there are any. Both come in full frames of 64 KiB, only the last one of each is shorter.
 * 3. Both sides close.
 *
 * Leaf i of a tensor or bundle is the SHA-256 of its chunk i. A list, an inner one too, has no chunks: its leaves are its items.
 */
export const blobProtocol = "/gainsay/blob/1.0.0";

/**
 * The same on a stream that stays open: further requests may follow, also before the first is answered, and are answered in their order; either side may close when nothing
 * is unanswered. A stream takes milliseconds to open and a tenth of one to use. Besides, a list may be asked for together with tensors that it names (listedMessages.ts).
 */
export const keptBlobProtocol = "/gainsay/blob/1.1.0";

const limits = networkLimits.blob;
/** A cast, and not a check by a function of our own: that makes objects with getters, for each of which V8 keeps a shape until it collects all. */
const root = z.string().regex(/^0x[0-9a-f]{64}$/) as unknown as z.ZodType<Hex>;

/** A sequence of 32-byte items, by their list root in a domain such as `gainsay.trace.1`. */
const listName = z.object({ kind: z.literal("list"), root, domain: z.string().regex(/^[a-z0-9.]{1,32}$/) }).strict();
/**
 * The tensor roots of a block's inner trace, by the trace root of a commitment and the block. It names what nobody has committed to yet, so it cannot be
 * checked: it is the serving peer's word, and the tensors are checked against it.
 */
const innerName = z.object({ kind: z.literal("inner"), root, block: z.number().int().min(0).max(2 ** 32 - 1) }).strict();

/** Names a sequence of hashes. */
export const listBlobName = z.discriminatedUnion("kind", [listName, innerName]);
export type ListBlobName = z.infer<typeof listBlobName>;

/** Names a blob by its content. Every `root` is 32 bytes in lower-case hex. */
export const blobName = z.discriminatedUnion("kind", [
  /** The committed bytes of a tensor, by their tensor root. */
  z.object({ kind: z.literal("tensor"), root }).strict(),
  listName,
  innerName,
  /** A file, by the SHA-256 of all its bytes. */
  z.object({ kind: z.literal("bundle"), root }).strict(),
]);
export type BlobName = z.infer<typeof blobName>;

const request = z
  .object({
    name: blobName,
    /** Index of the first chunk asked for. */
    firstChunk: z.number().int().min(0).max(limits.maxBlobBytes / limits.chunkBytes),
    /** Chunks asked for at most; fewer come where the blob ends. */
    chunkCount: z.number().int().min(0).max(limits.maxChunksPerRequest),
    /** Whether all leaf hashes are to come before the chunks. */
    leaves: z.boolean(),
  })
  .strict();
export type BlobRequest = z.infer<typeof request>;

const header = z.discriminatedUnion("found", [
  z.object({ found: z.literal(false) }).strict(),
  z
    .object({
      found: z.literal(true),
      byteLength: z.number().int().min(0).max(limits.maxBlobBytes),
      leafCount: z.number().int().min(0).max(limits.maxBlobBytes / limits.leafBytes),
    })
    .strict(),
]);
export type BlobHeader = z.infer<typeof header>;

/** Reads a request. @throws if it is malformed. */
export const decodeRequest = (bytes: Uint8Array): BlobRequest => request.parse(decodeCanonical(bytes));
/** Reads a response header. @throws if it is malformed. */
export const decodeHeader = (bytes: Uint8Array): BlobHeader => header.parse(decodeCanonical(bytes));
export const encodeRequest = (message: BlobRequest): Uint8Array => encodeCanonical(request.parse(message));
export const encodeHeader = (message: BlobHeader): Uint8Array => encodeCanonical(header.parse(message));

/** Whether a blob is nothing but its leaves. */
export function isList({ kind }: BlobName): boolean {
  return kind === "list" || kind === "inner";
}

/** Chunks of a blob that are sent as such: a list has none, its leaves are its content. */
export function chunksOf(name: BlobName, byteLength: number): number {
  return isList(name) ? 0 : Math.ceil(byteLength / limits.chunkBytes);
}
