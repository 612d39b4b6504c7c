import type { z } from "zod";
import { GainsayError } from "../../protocol/errors.ts";
import { bundleFileNames, checkBundleFormat } from "./bundleFiles.ts";

/** Reads a file of a bundle as JSON of the shape that it should have. Throws `BUNDLE_MALFORMED` with the place, and `BUNDLE_VERSION` for the manifest of another format. */
export function parseFile<Schema extends z.ZodTypeAny>(file: string, bytes: Uint8Array, schema: Schema): z.output<Schema> {
  const value = parseJson(file, bytes);
  if (file === bundleFileNames.manifest) checkBundleFormat(value);
  const result = schema.safeParse(value);
  if (result.success) return result.data as z.output<Schema>;
  const issue = result.error.issues[0];
  throw malformed(file, `is malformed at ${issue?.path.join(".") ?? "the top"}: ${issue?.message ?? "unknown reason"}`, { path: issue?.path ?? [] });
}

/** Reads a file of a bundle as JSON. Throws `BUNDLE_MALFORMED`. */
export function parseJson(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed(file, "is not JSON", {}, cause);
  }
}

function malformed(file: string, what: string, details: object, cause?: unknown): GainsayError {
  return new GainsayError(`The bundle's ${file} ${what}.`, { code: "BUNDLE_MALFORMED", kind: "usage", details: { file, ...details }, cause });
}

/** What is wrong with a file that can be read. */
export function mismatch(file: string, reason: string): GainsayError {
  return new GainsayError(`The bundle's ${file} does not fit: ${reason}.`, { code: "BUNDLE_MISMATCH", kind: "verification", details: { file } });
}
