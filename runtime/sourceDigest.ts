import { createHash } from "node:crypto";
import { sourceHashes } from "./sourceHashes.ts";

const known = new Map<string, Promise<string>>();

/**
 * Hash, in hexadecimal, of this project's own source files below the paths given, from its root. Results that depend on them alone can be kept under it: the version
 * of the package says nothing while somebody works on it. Reads the files once a process, and not at all in a bundle.
 */
export function sourceDigest(paths: readonly string[]): Promise<string> {
  const key = paths.join("\n");
  let digest = known.get(key);
  if (digest === undefined) {
    digest = digestOf(paths);
    known.set(key, digest);
    digest.catch(() => known.delete(key));
  }
  return digest;
}

async function digestOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const [file, sha256] of await sourceHashes(paths)) hash.update(`${file}\n${sha256}\n`);
  return hash.digest("hex");
}
