import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import { assembleProgram } from "../../protocol/lowering/assembleProgram.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { hashFile } from "../hashFile.ts";
import type { Bundle } from "./bundle.ts";
import { bundleFileNames, checkBundleFormat, manifestSchema } from "./bundleFiles.ts";
import { checkProgram } from "./checkProgram.ts";
import { programSchema } from "./programSchema.ts";
import { storedBundle } from "./storedBundle.ts";

/**
 * Reads a bundle, but for its model, which stays on disk until it is asked for, and recomputes all that names it: file hashes, graph hash, steps, blocks and program root.
 * Throws `BUNDLE_MISSING` for an absent file, `BUNDLE_MALFORMED` for one that cannot be read, `BUNDLE_MISMATCH` for one whose
 * contents are not what the manifest or the header says; `details.file` and `details.folder` name it.
 */
export async function readBundle(folder: string): Promise<Bundle> {
  try {
    return await read(folder);
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    const { message, code, kind, retryable, details, cause } = error;
    throw new GainsayError(message, { code, kind, retryable, details: { ...details, folder }, cause });
  }
}

async function read(folder: string): Promise<Bundle> {
  const manifest = parse(bundleFileNames.manifest, await load(folder, bundleFileNames.manifest), manifestSchema);
  const modelFile = join(folder, bundleFileNames.model);
  const [model, programBytes] = await Promise.all([hashFile(modelFile).catch((cause: unknown) => missing(folder, bundleFileNames.model, cause)), load(folder, bundleFileNames.program)]);
  for (const [name, given] of [[bundleFileNames.model, model], [bundleFileNames.program, { bytes: programBytes.length, sha256: toHex(sha256(programBytes)).slice(2) }]] as const) {
    const entry = manifest.files[name];
    if (given.bytes !== entry.bytes || `0x${given.sha256}` !== entry.sha256) throw mismatch(name, "its contents are not those the manifest names");
  }
  const program = parse(bundleFileNames.program, programBytes, programSchema);
  if (program.root !== manifest.root) throw mismatch(bundleFileNames.manifest, "it names another program");
  const { root, header, blocks, ...tables } = program;
  const recomputed = assembleProgram(`0x${model.sha256}`, tables);
  if (recomputed.header.graph !== header.graph) throw mismatch(bundleFileNames.model, "it is not the graph the program's header names");
  if (recomputed.root !== root || JSON.stringify(recomputed.header) !== JSON.stringify(header) || JSON.stringify(recomputed.blocks) !== JSON.stringify(blocks)) {
    throw mismatch(bundleFileNames.program, "its header does not follow from its tables");
  }
  const fault = checkProgram(program);
  if (fault !== undefined) throw mismatch(bundleFileNames.program, fault);
  return storedBundle(program, modelFile);
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

function parse<Schema extends z.ZodTypeAny>(file: string, bytes: Uint8Array, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new GainsayError(`The bundle's ${file} is not JSON.`, { code: "BUNDLE_MALFORMED", kind: "usage", details: { file }, cause });
  }
  if (file === bundleFileNames.manifest) checkBundleFormat(value);
  const result = schema.safeParse(value);
  if (result.success) return result.data as z.output<Schema>;
  const issue = result.error.issues[0];
  throw new GainsayError(`The bundle's ${file} is malformed at ${issue?.path.join(".") ?? "the top"}: ${issue?.message ?? "unknown reason"}.`, { code: "BUNDLE_MALFORMED", kind: "usage", details: { file, path: issue?.path ?? [] } });
}

function mismatch(file: string, reason: string): GainsayError {
  return new GainsayError(`The bundle's ${file} does not fit: ${reason}.`, { code: "BUNDLE_MISMATCH", kind: "verification", details: { file } });
}
