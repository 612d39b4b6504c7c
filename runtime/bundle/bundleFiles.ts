import { z } from "zod";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { GainsayError } from "../../protocol/errors.ts";
import type { Bundle } from "./bundle.ts";
import { programToJson } from "./programJson.ts";

/** Version of what a bundle's files mean. */
export const BUNDLE_FORMAT = 1;

/** Names of a bundle's files. */
export const bundleFileNames = { manifest: "manifest.json", model: "model.onnx", program: "program.json" } as const;

const fileEntry = z.strictObject({ bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^0x[0-9a-f]{64}$/) });

/** The shape of `manifest.json`. */
export const manifestSchema = z.strictObject({
  format: z.literal(`gainsay.bundle.${BUNDLE_FORMAT}`),
  root: z.string().regex(/^0x[0-9a-f]{64}$/),
  files: z.strictObject({ "model.onnx": fileEntry, "program.json": fileEntry }),
});

/** Refuses a bundle of a format that another version of this program wrote, before its shape is looked at. Throws `BUNDLE_VERSION`. */
export function checkBundleFormat(manifest: unknown): void {
  const format = typeof manifest === "object" && manifest !== null && "format" in manifest ? manifest.format : undefined;
  const version = typeof format === "string" ? /^gainsay\.bundle\.(\d{1,6})$/.exec(format)?.[1] : undefined;
  if (version === undefined || Number(version) === BUNDLE_FORMAT) return;
  const newer = Number(version) > BUNDLE_FORMAT;
  throw new GainsayError(`The bundle has format ${version}, and this program reads format ${BUNDLE_FORMAT}: ${newer ? "update this program" : "compile the model again"}.`, { code: "BUNDLE_VERSION", kind: "usage", details: { format: Number(version), reads: BUNDLE_FORMAT } });
}

/** The files of a bundle; the same bundle gives the same bytes. */
export function bundleFiles(bundle: Bundle): Record<(typeof bundleFileNames)[keyof typeof bundleFileNames], Uint8Array> {
  const program = new TextEncoder().encode(programToJson(bundle.program));
  const entry = (bytes: Uint8Array): z.infer<typeof fileEntry> => ({ bytes: bytes.length, sha256: toHex(sha256(bytes)) });
  const manifest: z.infer<typeof manifestSchema> = {
    format: `gainsay.bundle.${BUNDLE_FORMAT}`,
    root: bundle.program.root,
    files: { "model.onnx": entry(bundle.model), "program.json": entry(program) },
  };
  return { "manifest.json": new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`), "model.onnx": bundle.model, "program.json": program };
}

/** Hash of the bundle's manifest, which names all its bytes; registered on chain beside the program. */
export function manifestHash(bundle: Bundle): Hex {
  return toHex(sha256(bundleFiles(bundle)["manifest.json"]));
}
