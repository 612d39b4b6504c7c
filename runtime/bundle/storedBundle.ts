import { readFileSync } from "node:fs";
import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import type { Bundle } from "./bundle.ts";

/**
 * A bundle whose model stays on disk. It is read when it is asked for, which is when a graph is made or an element judged, checked against the hash in the program's header, and
 * kept for as long as somebody has it: a model may be hundreds of megabytes, and a daemon that runs kept graphs needs none of them.
 */
export function storedBundle(program: Program, file: string): Bundle {
  let read: WeakRef<Uint8Array> | undefined;
  return {
    program,
    /** Throws `BUNDLE_MISSING` or `BUNDLE_MISMATCH` if the file is gone or was changed. */
    get model() {
      const known = read?.deref();
      if (known !== undefined) return known;
      const model = load(file);
      if (toHex(sha256(model)) !== program.header.graph) {
        throw new GainsayError(`The model of a bundle, ${file}, was changed since the bundle was opened; put the bundle back or compile the model again.`, { code: "BUNDLE_MISMATCH", kind: "verification", details: { file, root: program.root } });
      }
      read = new WeakRef(model);
      return model;
    },
  };
}

function load(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (cause) {
    throw new GainsayError(`The model of a bundle, ${file}, cannot be read; put the bundle back or compile the model again.`, { code: "BUNDLE_MISSING", kind: "usage", details: { file }, cause });
  }
}
