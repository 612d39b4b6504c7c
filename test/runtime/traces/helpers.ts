import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tensorLeaves, tensorRootFromLeaves } from "../../../protocol/trees/tensorTree.ts";
import { commitTrace } from "../../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { createTraceStore, type TraceStore } from "../../../runtime/traces/createTraceStore.ts";
import type { PackContent } from "../../../runtime/traces/tracePack.ts";
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

const folders: string[] = [];
const stores: TraceStore[] = [];

/** A folder that `closeAll` removes. */
export function folder(): string {
  const dir = temporaryFolder();
  folders.push(dir);
  return dir;
}

/** A store that has not been started yet, and that `closeAll` stops. */
export function stopped(dir: string, maxBytes?: number): TraceStore {
  const store = storeIn(dir, maxBytes);
  stores.push(store);
  return store;
}

/** The same, started. */
export async function open(dir: string, maxBytes?: number): Promise<TraceStore> {
  const store = stopped(dir, maxBytes);
  await store.start();
  return store;
}

export async function closeAll(): Promise<void> {
  await Promise.all(stores.splice(0).map((store) => store.stop()));
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
}

/** A trace with two tensors of `elements` float32 each. */
export async function sampleTrace(seed: number, elements = 600): Promise<Trace> {
  const program = tracedProgram();
  const shape = [elements];
  const sized = { ...program, inputs: program.inputs.map((spec) => ({ ...spec, shape })), trace: program.trace.map((spec) => ({ ...spec, shape })) };
  const bytes = (salt: number) => new Uint8Array(Float32Array.from({ length: elements }, (_, i) => seed * 1000 + salt * 100 + i / 7).buffer);
  return commitTrace(sized, [bytes(1)], [bytes(2), bytes(3)], inlineHasher);
}

/** Elements with which a sample trace is too large for a pack: 288 000 bytes and 9024 of chunk hashes. */
export const LARGE = 24_000;

/** The one entry of a store: its folder, or its pack. */
export function onlyEntry(dir: string): string {
  const names = readdirSync(path.join(dir, "traces"));
  if (names.length !== 1) throw new Error(`there are ${names.length} entries`);
  return path.join(dir, "traces", names[0]!);
}

/** A pack in memory, as it is read from a file. */
export function contentOf(bytes: Uint8Array): PackContent {
  return { size: bytes.length, read: (at, length) => Buffer.from(bytes.subarray(at, at + length)) };
}

/** Changes one bit of a file. */
export function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(file, bytes);
}
