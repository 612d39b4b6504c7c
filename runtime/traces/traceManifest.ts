import { GainsayError } from "../../protocol/errors.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { chunkCount } from "../../protocol/trees/tensorTree.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import type { Trace } from "../inference/trace.ts";

/** A tensor of a stored trace, and where it stands in the entry's two files. */
export interface StoredTensor {
  root: Hex;
  byteLength: number;
  /** First byte in `data.bin`. */
  dataOffset: number;
  /** First byte in `leaves.bin`. */
  leavesOffset: number;
}

/** What an entry says about itself, in `manifest.json`. */
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

/** The manifest of a trace: inputs, then the posted trace, in one file of bytes and one of chunk hashes. */
export function manifestOf(jobKey: string, trace: Trace): TraceManifest {
  const listed = (tensors: Trace["inputs"]): Listed[] => tensors.map(({ root, bytes }) => ({ root, byteLength: bytes.length }));
  const { programRoot, inputRoot, traceRoot, outputRoot, outputs } = trace;
  return layOut({ version: 1, jobKey, programRoot, inputRoot, traceRoot, outputRoot, outputs, inputs: listed(trace.inputs), tensors: listed(trace.tensors) });
}

/** The file's text: the SHA-256 of the JSON in hexadecimal, a line break, the JSON. */
export function encodeManifest(manifest: TraceManifest): string {
  const { dataBytes, leavesBytes, inputs, tensors, ...rest } = manifest;
  const listed = (stored: StoredTensor[]): Listed[] => stored.map(({ root, byteLength }) => ({ root, byteLength }));
  const json = JSON.stringify({ version: 1, ...rest, inputs: listed(inputs), tensors: listed(tensors) } satisfies Written);
  return `${toHex(sha256(Buffer.from(json)))}\n${json}`;
}

/** Inverse of `encodeManifest`. Throws `TRACE_DAMAGED` for anything else, and if the roots do not fit each other. */
export function decodeManifest(text: string): TraceManifest {
  const json = text.slice(text.indexOf("\n") + 1);
  if (text.length - json.length !== 67 || text.slice(0, 66) !== toHex(sha256(Buffer.from(json)))) throw damaged("its manifest is cut off or changed");
  const written = JSON.parse(json) as Written;
  if (written.version !== 1) throw damaged(`its manifest has the unknown version ${String(written.version)}`);
  const manifest = layOut(written);
  const roots = (stored: StoredTensor[]): Hex[] => stored.map((tensor) => tensor.root);
  const outputRoots = manifest.outputs.map((index) => manifest.tensors[index]?.root ?? "0x");
  if (listRootOf("inputs", roots(manifest.inputs)) !== manifest.inputRoot || listRootOf("trace", roots(manifest.tensors)) !== manifest.traceRoot || listRootOf("outputs", outputRoots) !== manifest.outputRoot) {
    throw damaged("its tensor roots do not give its trace root");
  }
  return manifest;
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
