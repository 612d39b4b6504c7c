import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const known = new Map<string, Promise<string>>();

/**
 * Hash, in hexadecimal, of this project's own source files below the paths given, from its root. Results that depend on them alone can be kept under it: the version
 * of the package says nothing while somebody works on it. Reads the files once a process.
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
  const files = (await Promise.all(paths.map(filesBelow))).flat().sort();
  const contents = await Promise.all(files.map((file) => readFile(path.join(root, file))));
  const hash = createHash("sha256");
  files.forEach((file, i) => hash.update(`${file.replaceAll(path.sep, "/")}\n${contents[i]?.length}\n`).update(contents[i] as Buffer));
  return hash.digest("hex");
}

async function filesBelow(name: string): Promise<string[]> {
  if (name.endsWith(".ts")) return [name];
  const entries = await readdir(path.join(root, name), { recursive: true });
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => path.join(name, entry));
}
