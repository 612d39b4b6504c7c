import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Program } from "../../protocol/program/types.ts";
import { sha256Hex } from "../../protocol/trees/sha256.ts";
import { hashFile } from "../hashFile.ts";
import type { Bundle } from "./bundle.ts";
import { bundleFileNames, manifestSchema } from "./bundleFiles.ts";
import type { BundleMemory } from "./createBundleMemory.ts";
import { mismatch, parseFile, parseJson } from "./parseFile.ts";
import { soundProgram } from "./programJson.ts";
import { storedBundle } from "./storedBundle.ts";

export interface ReadOptions {
  /** Where it stands which programs were found sound before; default: nowhere, all is worked out. */
  memory?: BundleMemory | undefined;
}

/**
 * Reads a bundle, but for its model, which stays on disk until it is asked for, and recomputes all that names it: file hashes, graph hash, steps, blocks and program root; what the memory knows of
 * these very bytes is not worked out again.
 * Throws `BUNDLE_MISSING` for an absent file, `BUNDLE_MALFORMED` for one that cannot be read, `BUNDLE_MISMATCH` for one whose
 * contents are not what the manifest or the header says; `details.file` and `details.folder` name it.
 */
export async function readBundle(folder: string, { memory }: ReadOptions = {}): Promise<Bundle> {
  try {
    return await read(folder, memory);
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    const { message, code, kind, retryable, details, cause } = error;
    throw new GainsayError(message, { code, kind, retryable, details: { ...details, folder }, cause });
  }
}

async function read(folder: string, memory: BundleMemory | undefined): Promise<Bundle> {
  const manifest = parseFile(bundleFileNames.manifest, await load(folder, bundleFileNames.manifest), manifestSchema);
  const modelFile = join(folder, bundleFileNames.model);
  const [model, programBytes] = await Promise.all([hashFile(modelFile).catch((cause: unknown) => missing(folder, bundleFileNames.model, cause)), load(folder, bundleFileNames.program)]);
  const programHash = sha256Hex(programBytes).slice(2);
  for (const [name, given] of [[bundleFileNames.model, model], [bundleFileNames.program, { bytes: programBytes.length, sha256: programHash }]] as const) {
    const entry = manifest.files[name];
    if (given.bytes !== entry.bytes || `0x${given.sha256}` !== entry.sha256) throw mismatch(name, "its contents are not those the manifest names");
  }
  const program = await programOf(programBytes, programHash, memory);
  if (program.root !== manifest.root) throw mismatch(bundleFileNames.manifest, "it names another program");
  if (program.header.graph !== `0x${model.sha256}`) throw mismatch(bundleFileNames.model, "it is not the graph the program's header names");
  return storedBundle(program, modelFile);
}

async function programOf(bytes: Uint8Array, hash: string, memory: BundleMemory | undefined): Promise<Program> {
  if (await memory?.knows(hash)) return soundProgram(parseJson(bundleFileNames.program, bytes));
  // Most starts do without it.
  const { examineProgram } = await import("./examineProgram.ts");
  const program = examineProgram(bytes);
  await memory?.keep(hash);
  return program;
}

async function load(folder: string, file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(join(folder, file)));
  } catch (cause) {
    return missing(folder, file, cause);
  }
}

function missing(folder: string, file: string, cause: unknown): never {
  throw new GainsayError(`The bundle in ${folder} lacks ${file}; compile the model again or fetch the bundle again.`, { code: "BUNDLE_MISSING", kind: "usage", details: { file, folder }, cause });
}
