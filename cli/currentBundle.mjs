// Plain JavaScript, for the reason given in gainsay.mjs, and because it decides whether anything has to be stripped of its types at all.
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";

/** Folder of the bundles, from the project's root, and the file in it that says which of them is current. */
export const BUNDLES = "dist";
export const BUNDLE_MANIFEST = "manifest.json";

/**
 * Of each file that a bundle was made of, from the project's root with slashes: its length and times, and the SHA-256 of its contents.
 *
 * @typedef {Record<string, [bytes: number, modifiedMs: number, changedMs: number, sha256: string]>} BundleInputs
 */

/**
 * The bundle's file for an entry, or undefined if there is none that was made of the sources as they are. A file with the length and both times that it had
 * is the same: no program can set the time of the last change. Of all others the contents are compared, as after a checkout or in a container's image.
 *
 * @param {string} root of the project
 * @param {string} entry name of the file, such as gainsay.js
 * @returns {string | undefined}
 */
export function currentBundle(root, entry) {
  try {
    /** @type {{ folder: string, inputs: BundleInputs }} */
    const { folder, inputs } = JSON.parse(readFileSync(path.join(root, BUNDLES, BUNDLE_MANIFEST), "utf8"));
    for (const name in inputs) if (!isSame(path.join(root, name), inputs[name])) return undefined;
    const file = path.join(root, BUNDLES, folder, entry);
    return statSync(file).isFile() ? file : undefined;
  } catch {
    // No manifest, one of another form, a source that is gone: the sources run.
    return undefined;
  }
}

function isSame(file, [bytes, modifiedMs, changedMs, sha256]) {
  const { size, mtimeMs, ctimeMs } = statSync(file);
  if (size !== bytes) return false;
  if (mtimeMs === modifiedMs && ctimeMs === changedMs) return true;
  // Loading this takes longer than all else here.
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(readFileSync(file)).digest("hex") === sha256;
}
