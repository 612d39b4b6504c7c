import { fromHex, toHex, type Hex } from "../hex.ts";
import { elementReader, type RawElement } from "../program/elements.ts";
import { dtypeBytes, sources, type Claim, type Dtype, type Opening, type ProgramHeader } from "../program/types.ts";
import type { ListDomain } from "../trees/domains.ts";
import { listRootFromTop } from "../trees/listTree.ts";
import { depthOf, topFromRange } from "../trees/merkle.ts";
import { sha256 } from "../trees/sha256.ts";
import { CHUNK_BYTES, chunkCount, tensorRootFromTop } from "../trees/tensorTree.ts";
import { judgeError } from "./judgeError.ts";

interface Span {
  first: number;
  end: number;
  read: (index: number) => RawElement;
}

/** Proved elements of one tensor. */
export type OpenTensor = (element: number) => RawElement;

/** Which tensor an opening must be of. */
export interface OpeningTarget {
  source: number;
  index: number;
  /** The step's block; an inner trace must be this one's. */
  blockIndex: number;
  /** Tensor root that the descriptor names, for a weight. */
  weightRoot: string;
  elements: number;
  /** A judged type. */
  dtype: Dtype;
}

/** Checks an opening of a tensor against a claim; the reader throws `ELEMENT_NOT_OPENED`. */
export function openOpening(claim: Claim, header: ProgramHeader, opening: Opening, target: OpeningTarget): OpenTensor {
  const { source, index, elements, dtype } = target;
  if (source === sources.weight) {
    if (opening.root.toLowerCase() !== target.weightRoot.toLowerCase() || opening.proof.length !== 0) throw notCommitted(target);
  } else {
    const [domain, count, committed] = listOf(claim, header, target);
    const root = toHex(listRootFromTop(domain, count, pathTop(fromHex(opening.root), index, count, opening.proof)));
    if (root !== committed.toLowerCase()) throw notCommitted(target);
  }
  const size = dtypeBytes[dtype];
  const byteLength = elements * size;
  const spans: Span[] = [];
  let free = 0;
  opening.ranges.forEach((range, i) => {
    // Neighbouring chunks are one range, so a chunk lies between two ranges.
    if (i > 0 && range.first <= free) throw judgeError("RangesNotAscending", "The ranges of an opening must ascend with a gap.", { source, index, range: i });
    const width = Math.ceil(range.data.length / CHUNK_BYTES);
    const chunks = byteLength === 0 ? 0 : chunkCount(byteLength);
    if (width === 0 || !(range.first + width <= chunks)) throw judgeError("IndexOutOfTree", "A range lies outside of its tensor.", { index: range.first + width, count: chunks });
    const expected = range.first + width === chunks ? byteLength - range.first * CHUNK_BYTES : width * CHUNK_BYTES;
    if (range.data.length !== expected) throw judgeError("RangeLength", "A range is not made of whole chunks.", { expected, given: range.data.length });
    const leaves: Uint8Array[] = [];
    for (let k = 0; k < width; k++) leaves.push(sha256(range.data.subarray(k * CHUNK_BYTES, (k + 1) * CHUNK_BYTES)));
    const top = provedTop(() => topFromRange(chunks, range.first, leaves, range.siblings));
    if (toHex(tensorRootFromTop(byteLength, top)) !== opening.root.toLowerCase()) {
      throw judgeError("RangeNotInTensor", "The bytes of a range do not belong to their tensor.", { source, index, range: i });
    }
    free = range.first + width;
    const first = range.first * (CHUNK_BYTES / size);
    spans.push({ first, end: first + Math.floor(range.data.length / size), read: elementReader(range.data, dtype) });
  });
  let last: Span | undefined;
  return (element) => {
    if (last === undefined || element < last.first || element >= last.end) last = find(spans, element);
    return last.read(element - last.first);
  };
}

/** The list that a tensor must stand in: domain, number of its items, committed root. */
function listOf(claim: Claim, header: ProgramHeader, { source, blockIndex }: OpeningTarget): [ListDomain, number, Hex] {
  if (source === sources.input) return ["inputs", header.inputCount, claim.inputRoot];
  if (source === sources.trace) return ["trace", header.traceCount, claim.traceRoot];
  if (source !== sources.inner) throw judgeError("UnsupportedSource", "The judge cannot open a tensor of this source.", { source });
  if (BigInt(claim.innerRoot) === 0n || claim.innerBlock !== blockIndex) throw judgeError("InnerTraceMissing", "The claim has no inner trace of the step's block.", { blockIndex, innerBlock: claim.innerBlock });
  return ["inner", claim.innerCount, claim.innerRoot];
}

/** The top that a leaf and its path imply; throws `INDEX_OUT_OF_TREE` or `PROOF_LENGTH`. */
export function pathTop(leaf: Uint8Array, index: number, count: number, siblings: readonly Uint8Array[]): Uint8Array {
  if (!(index < count)) throw judgeError("IndexOutOfTree", "An item lies outside of its list.", { index, count });
  const depth = depthOf(count);
  if (siblings.length !== depth) throw judgeError("ProofLength", "A Merkle path has the wrong length.", { expected: depth, given: siblings.length });
  return provedTop(() => topFromRange(count, index, [leaf], siblings));
}

function provedTop(compute: () => Uint8Array): Uint8Array {
  try {
    return compute();
  } catch (cause) {
    const error = judgeError("ProofLength", "A Merkle proof has the wrong shape.");
    error.cause = cause;
    throw error;
  }
}

function find(spans: readonly Span[], element: number): Span {
  const span = spans.find(({ first, end }) => first <= element && element < end);
  if (span === undefined) throw judgeError("ElementNotOpened", "The witness lacks an element that the judge must read.", { element });
  return span;
}

function notCommitted({ source, index }: OpeningTarget) {
  return judgeError("RootNotCommitted", "A tensor root is not the committed one.", { source, index });
}
