import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * SHA-256, in hexadecimal, of each of this project's own source files below the paths given, from its root, in the order of their names. A bundle has those that it was made
 * of in this file's place (scripts/bundle): what runs are they, whatever the disk says by then.
 */
export async function sourceHashes(paths: readonly string[]): Promise<[file: string, sha256: string][]> {
  const files = (await Promise.all(paths.map(filesBelow))).flat().sort();
  return Promise.all(files.map(async (file): Promise<[string, string]> => [file, createHash("sha256").update(await readFile(path.join(root, file))).digest("hex")]));
}

async function filesBelow(name: string): Promise<string[]> {
  if (name.endsWith(".ts")) return [name];
  const entries = await readdir(path.join(root, name), { recursive: true });
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => path.join(name, entry).replaceAll(path.sep, "/"));
}
