import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { sha256Hex } from "../../protocol/trees/sha256.ts";
import { chunkCount } from "../../protocol/trees/tensorTree.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import type { Trace } from "../inference/trace.ts";

/** A tensor of a stored trace, and where it stands among the bytes and the chunk hashes of all its tensors. */
export interface StoredTensor {
  root: Hex;
  byteLength: number;
  /** First byte among the bytes. */
  dataOffset: number;
  /** First byte among the chunk hashes. */
  leavesOffset: number;
}

/** What an entry says about itself. */
export interface TraceManifest {
  jobKey: string;
  programRoot: Hex;
  inputRoot: Hex;
  traceRoot: Hex;
  outputRoot: Hex;
  inputs: StoredTensor[];
  tensors: StoredTensor[];
  outputs: number[];
  dataBytes: number;
  leavesBytes: number;
}

type Listed = { root: Hex; byteLength: number };
type Written = Omit<TraceManifest, "inputs" | "tensors" | "dataBytes" | "leavesBytes"> & { version: 1; inputs: Listed[]; tensors: Listed[] };

/** The manifest of a trace: inputs, then the posted trace, side by side. */
export function manifestOf(jobKey: string, trace: Trace): TraceManifest {
  const listed = (tensors: Trace["inputs"]): Listed[] => tensors.map(({ root, bytes }) => ({ root, byteLength: bytes.length }));
  const { programRoot, inputRoot, traceRoot, outputRoot, outputs } = trace;
  return layOut({ version: 1, jobKey, programRoot, inputRoot, traceRoot, outputRoot, outputs, inputs: listed(trace.inputs), tensors: listed(trace.tensors) });
}

/** The bytes of a trace's tensors, then their chunk hashes, as its manifest has them. */
export function bodyOf({ dataBytes, leavesBytes, inputs, tensors }: TraceManifest, trace: Trace): Uint8Array {
  const body = new Uint8Array(dataBytes + leavesBytes);
  const places = [...inputs, ...tensors];
  [...trace.inputs, ...trace.tensors].forEach(({ bytes, leaves }, i) => {
    const { dataOffset, leavesOffset } = places[i] as StoredTensor;
    body.set(bytes, dataOffset);
    body.set(leaves, dataBytes + leavesOffset);
  });
  return body;
}

/** As it is written: sealed JSON. */
export function encodeManifest(manifest: TraceManifest): string {
  const { dataBytes, leavesBytes, inputs, tensors, ...rest } = manifest;
  const listed = (stored: StoredTensor[]): Listed[] => stored.map(({ root, byteLength }) => ({ root, byteLength }));
  return seal(JSON.stringify({ version: 1, ...rest, inputs: listed(inputs), tensors: listed(tensors) } satisfies Written));
}

/** Inverse of `encodeManifest`. Throws `TRACE_DAMAGED` for anything else, and if the roots do not fit each other. */
export function decodeManifest(text: string): TraceManifest {
  const written = JSON.parse(unseal(text, "its manifest")) as Written;
  if (written.version !== 1) throw damaged(`its manifest has the unknown version ${String(written.version)}`);
  const manifest = layOut(written);
  const roots = (stored: StoredTensor[]): Hex[] => stored.map((tensor) => tensor.root);
  const outputRoots = manifest.outputs.map((index) => manifest.tensors[index]?.root ?? "0x");
  if (listRootOf("inputs", roots(manifest.inputs)) !== manifest.inputRoot || listRootOf("trace", roots(manifest.tensors)) !== manifest.traceRoot || listRootOf("outputs", outputRoots) !== manifest.outputRoot) {
    throw damaged("its tensor roots do not give its trace root");
  }
  return manifest;
}

/** Characters of a seal: `0x`, a SHA-256, a line break. */
export const SEAL_CHARACTERS = 67;

/** The SHA-256 of a text in hexadecimal, a line break, the text. */
export function seal(text: string): string {
  return `${sha256Hex(Buffer.from(text))}\n${text}`;
}

/** Inverse of `seal`. Throws `TRACE_DAMAGED` if the hash is not that of the text. */
export function unseal(sealed: string, what: string): string {
  const text = sealed.slice(SEAL_CHARACTERS);
  if (seal(text) !== sealed) throw damaged(`${what} is cut off or changed`);
  return text;
}

/** An entry whose bytes are not what was stored. */
export function damaged(what: string, details: Record<string, unknown> = {}): GainsayError {
  return new GainsayError(`A stored trace is damaged: ${what}. It has been set aside; execute the job again to replace it.`, { code: "TRACE_DAMAGED", details });
}

function layOut({ version: _, ...written }: Written): TraceManifest {
  let dataBytes = 0;
  let leavesBytes = 0;
  const place = ({ root, byteLength }: Listed): StoredTensor => {
    const stored = { root, byteLength, dataOffset: dataBytes, leavesOffset: leavesBytes };
    dataBytes += byteLength;
    leavesBytes += chunkCount(byteLength) * 32;
    return stored;
  };
  const inputs = written.inputs.map(place);
  const tensors = written.tensors.map(place);
  return { ...written, inputs, tensors, dataBytes, leavesBytes };
}
