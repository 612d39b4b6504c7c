import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BUNDLE_MANIFEST, BUNDLES, currentBundle, type BundleInputs } from "../../cli/currentBundle.mjs";
import { writeBundle } from "./writeBundle.ts";

/** Folders whose sources run. */
const folders = ["protocol", "runtime", "node", "watcher", "cli"];

/** What else decides what a bundle is: who makes it, how TypeScript is read, and, by npm's own list, the packages that are installed. */
const alsoDeciding = ["scripts/bundle", "tsconfig.json", "package.json", "node_modules/.package-lock.json"];

/** Bundles that stay beside the current one: a daemon loads some of its code late, and starts processes again. */
const KEPT = 5;

/** A file that was changed so short a time before may change once more without its times showing it. */
const UNSETTLED_MS = 1_000;

/** Bundles the sources of the project unless that has been done; says whether there was anything to do. The new bundle appears whole or not at all. */
export async function updateBundle(root: string): Promise<boolean> {
  if (currentBundle(root, "gainsay.js") !== undefined) return false;
  const inputs = readInputs(root);
  const [all, folder] = [path.join(root, BUNDLES), nameOf(inputs)];
  const target = path.join(all, folder);
  if (!existsSync(target)) {
    const temporary = path.join(all, `.${folder}-${process.pid}`);
    try {
      await writeBundle({ root, folder: temporary, entries: ["cli/gainsay.ts"], hashes: ownHashes(inputs) });
      if (nameOf(readInputs(root)) !== folder) throw new Error("the sources were changed meanwhile; run it again");
      // Somebody else may have made the same meanwhile.
      if (!existsSync(target)) renameSync(temporary, target);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  const manifest = path.join(all, BUNDLE_MANIFEST);
  writeFileSync(`${manifest}.${process.pid}`, JSON.stringify({ folder, inputs }));
  renameSync(`${manifest}.${process.pid}`, manifest);
  removeOld(all, folder);
  return true;
}

/** Hashes of the project's own sources, as a bundle has them. */
export function ownHashes(inputs: BundleInputs): [file: string, sha256: string][] {
  return Object.entries(inputs).filter(([name]) => name.endsWith(".ts") && folders.includes(name.split("/")[0] as string)).map(([name, input]) => [name, input[3]]);
}

/** All that decides what a bundle is, in the order of names. */
export function readInputs(root: string): BundleInputs {
  const began = Date.now();
  const names = [...folders, ...alsoDeciding].flatMap((name) => filesBelow(root, name)).sort();
  const inputs: BundleInputs = {};
  for (const name of names) {
    const file = path.join(root, name);
    const { size, mtimeMs, ctimeMs } = statSync(file);
    const settled = ctimeMs < began - UNSETTLED_MS;
    inputs[name] = [size, settled ? mtimeMs : 0, settled ? ctimeMs : 0, createHash("sha256").update(readFileSync(file)).digest("hex")];
  }
  return inputs;
}

/** A short name of inputs: 16 hexadecimal digits of the hash of all they contain. */
function nameOf(inputs: BundleInputs): string {
  return createHash("sha256").update(JSON.stringify(Object.entries(inputs).map(([name, [, , , sha256]]) => [name, sha256]))).digest("hex").slice(0, 16);
}

function filesBelow(root: string, name: string): string[] {
  if (!statSync(path.join(root, name)).isDirectory()) return [name];
  return readdirSync(path.join(root, name), { recursive: true, encoding: "utf8" }).filter((entry) => /\.(ts|mjs)$/.test(entry)).map((entry) => `${name}/${entry.replaceAll(path.sep, "/")}`);
}

function removeOld(all: string, current: string): void {
  const others = readdirSync(all, { withFileTypes: true }).filter((entry) => entry.isDirectory() && /^[0-9a-f]{16}$/.test(entry.name) && entry.name !== current);
  const aged = others.map(({ name }) => ({ name, made: statSync(path.join(all, name)).mtimeMs })).sort((a, b) => b.made - a.made);
  for (const { name } of aged.slice(KEPT)) rmSync(path.join(all, name), { recursive: true, force: true });
}
