import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tensorLeaves, tensorRootFromLeaves } from "../../../protocol/trees/tensorTree.ts";
import { commitTrace } from "../../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { createTraceStore, type TraceStore } from "../../../runtime/traces/createTraceStore.ts";
import { tracedProgram } from "../inference/smallModels.ts";

const quiet = () => undefined;

/** Hashing on the spot, which is enough for small tensors. */
export const inlineHasher = {
  leaves: async (bytes: Uint8Array) => tensorLeaves(bytes),
  root: async (leaves: Uint8Array, byteLength: number) => tensorRootFromLeaves(leaves, byteLength),
  commit: async (bytes: Uint8Array) => {
    const leaves = tensorLeaves(bytes);
    return { leaves, root: tensorRootFromLeaves(leaves, bytes.length) };
  },
};

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), "gainsay-traces-"));
}

export function storeIn(dir: string, maxBytes?: number): TraceStore {
  return createTraceStore({ dir, ...(maxBytes === undefined ? {} : { maxBytes }) }, { logger: { debug: quiet, info: quiet, warn: quiet, error: quiet }, hasher: inlineHasher });
}

/** A trace with two tensors of `elements` float32 each. */
export async function sampleTrace(seed: number, elements = 600): Promise<Trace> {
  const program = tracedProgram();
  const shape = [elements];
  const sized = { ...program, inputs: program.inputs.map((spec) => ({ ...spec, shape })), trace: program.trace.map((spec) => ({ ...spec, shape })) };
  const bytes = (salt: number) => new Uint8Array(Float32Array.from({ length: elements }, (_, i) => seed * 1000 + salt * 100 + i / 7).buffer);
  return commitTrace(sized, [bytes(1)], [bytes(2), bytes(3)], inlineHasher);
}

/** The one entry's folder of a store. */
export function entryFolder(dir: string): string {
  return path.join(dir, "traces", readdirSync(path.join(dir, "traces"))[0]!);
}
