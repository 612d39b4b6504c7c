import { z } from "zod";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import type { Bundle } from "./bundle.ts";
import { programToJson } from "./programSchema.ts";

/** Names of a bundle's files. */
export const bundleFileNames = { manifest: "manifest.json", model: "model.onnx", program: "program.json" } as const;

const fileEntry = z.strictObject({ bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^0x[0-9a-f]{64}$/) });

/** The shape of `manifest.json`. */
export const manifestSchema = z.strictObject({
  format: z.literal("gainsay.bundle.1"),
  root: z.string().regex(/^0x[0-9a-f]{64}$/),
  files: z.strictObject({ "model.onnx": fileEntry, "program.json": fileEntry }),
});

/** The files of a bundle; the same bundle gives the same bytes. */
export function bundleFiles(bundle: Bundle): Record<(typeof bundleFileNames)[keyof typeof bundleFileNames], Uint8Array> {
  const program = new TextEncoder().encode(programToJson(bundle.program));
  const entry = (bytes: Uint8Array): z.infer<typeof fileEntry> => ({ bytes: bytes.length, sha256: toHex(sha256(bytes)) });
  const manifest: z.infer<typeof manifestSchema> = {
    format: "gainsay.bundle.1",
    root: bundle.program.root,
    files: { "model.onnx": entry(bundle.model), "program.json": entry(program) },
  };
  return { "manifest.json": new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`), "model.onnx": bundle.model, "program.json": program };
}

/** Hash of the bundle's manifest, which names all its bytes; registered on chain beside the program. */
export function manifestHash(bundle: Bundle): Hex {
  return toHex(sha256(bundleFiles(bundle)["manifest.json"]));
}
