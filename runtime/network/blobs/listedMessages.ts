import { z } from "zod";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { decodeCanonical, encodeCanonical } from "../canonicalJson.ts";
import { networkLimits } from "../limits.ts";
import { type BlobRequest, decodeRequest, listBlobName } from "./blobMessages.ts";

const limits = networkLimits.blob;
const { maxItems, maxKnown, knownBytes, maxBytes } = limits.listed;

/**
 * Asks on a kept stream for a list together with the tensors that its items name, without those that the requester says it has. The response is a header as
 * canonical JSON, then the items and the tensors that are sent, one behind the other in the order of the list, in frames of 64 KiB of which only the last
 * is shorter. A tensor that is not stored, or no longer fits into what one response may hold, is left out: it has to be asked for by itself.
 */
const listedRequest = z
  .object({
    list: listBlobName,
    /** The first bytes of the roots of tensors that are not to be sent, in hex without a prefix. They are a hint: whoever sends a tensor twice loses time only. */
    known: z.string().regex(new RegExp(`^([0-9a-f]{${2 * knownBytes}}){0,${maxKnown}}$`)),
  })
  .strict();
export type ListedRequest = z.infer<typeof listedRequest>;

const listedHeader = z.union([
  z.object({ found: z.literal(false) }).strict(),
  z
    .object({
      found: z.literal(true),
      items: z.number().int().min(0).max(maxItems),
      /** Bit i mod 8 of byte ⌊i/8⌋ says whether tensor i is sent. */
      sent: z.string().regex(/^([0-9a-f]{2})*$/).max(2 * Math.ceil(maxItems / 8)),
      /** Of items and tensors. */
      byteLength: z.number().int().min(0).max(maxItems * limits.leafBytes + maxBytes),
    })
    .strict()
    .refine(({ items, sent }) => sent.length === 2 * Math.ceil(items / 8)),
]);
export type ListedHeader = z.infer<typeof listedHeader>;

/** The one way in which a request for a posted trace is written: what nearly all requests are is read at a glance. */
const listRequestText = new RegExp(`^\\{"known":"((?:[0-9a-f]{${2 * knownBytes}}){0,${maxKnown}})","list":\\{"domain":"([a-z0-9.]{1,32})","kind":"list","root":"(0x[0-9a-f]{64})"\\}\\}$`);

/** Reads what may be asked for on a kept stream. @throws if it is malformed. */
export function decodeKeptRequest(bytes: Uint8Array): BlobRequest | ListedRequest {
  const [text, known, domain, root] = listRequestText.exec(asText(bytes)) ?? [];
  if (text !== undefined) return { list: { kind: "list", root: root as Hex, domain: domain as string }, known: known as string };
  const value = decodeCanonical(bytes);
  return typeof value === "object" && value !== null && "list" in value ? listedRequest.parse(value) : decodeRequest(bytes);
}

/** Headers read last, by their text: those of all traces of a program are the same. */
const recentHeaders = new Map<string, ListedHeader>();
const MAX_RECENT_HEADERS = 64;

/** Reads a header. @throws if it is malformed. */
export function decodeListedHeader(bytes: Uint8Array): ListedHeader {
  const text = asText(bytes);
  const recent = recentHeaders.get(text);
  if (recent !== undefined) return recent;
  const header = listedHeader.parse(decodeCanonical(bytes));
  const oldest = recentHeaders.keys().next();
  if (recentHeaders.size >= MAX_RECENT_HEADERS && oldest.done !== true) recentHeaders.delete(oldest.value);
  recentHeaders.set(text, header);
  return header;
}

/** As canonical JSON writes it; none of the values has a character that would have to be escaped. */
export function encodeListedRequest({ list, known }: ListedRequest): Uint8Array {
  if (list.kind === "inner") return encodeCanonical({ list, known });
  return Buffer.from(`{"known":"${known}","list":{"domain":"${list.domain}","kind":"list","root":"${list.root}"}}`);
}

/** As canonical JSON writes it. */
export function encodeListedHeader(header: ListedHeader): Uint8Array {
  return Buffer.from(header.found ? `{"byteLength":${header.byteLength},"found":true,"items":${header.items},"sent":"${header.sent}"}` : '{"found":false}');
}

/** Each byte as one character, so that other bytes are other texts. */
function asText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** How tensors are named that are not to be sent; those beyond the limit may be sent all the same. */
export function namesOfKnown(roots: readonly Hex[]): string {
  return roots.slice(0, maxKnown).map(knownNameOf).join("");
}

/** The names in a request. */
export function knownIn({ known }: ListedRequest): ReadonlySet<string> {
  return new Set(known.match(new RegExp(`.{${2 * knownBytes}}`, "g")));
}

/** What of a root stands in a request. */
export function knownNameOf(root: Hex): string {
  return root.slice(2, 2 + 2 * knownBytes);
}

/** The bit map of a header. */
export function sentBits(sent: readonly boolean[]): string {
  const bits = new Uint8Array(Math.ceil(sent.length / 8));
  for (const [index, is] of sent.entries()) if (is) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  return toHex(bits).slice(2);
}

/** Which tensors a header announces. */
export function readSentBits(sent: string, items: number): boolean[] {
  const bits = Buffer.from(sent, "hex");
  return Array.from({ length: items }, (_, index) => ((bits[index >> 3] as number) & (1 << (index & 7))) !== 0);
}
