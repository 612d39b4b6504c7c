import { execFile } from "node:child_process";
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { updateBundle } from "../../../scripts/bundle/updateBundle.ts";

const project = path.resolve(import.meta.dirname, "../../..");

/** A project of the same form whose program says what it is and whether it runs as a bundle. */
let root: string;
const at = (name: string): string => path.join(root, name);
const sources: Record<string, string> = {
  "cli/gainsay.ts": 'import { word } from "../protocol/word.ts";\nconsole.log(word, new Error().stack?.includes("/dist/") ? "bundled" : "from sources");\n',
  "protocol/word.ts": 'export const word: string = "one";\n',
  "node/node.ts": "",
  "watcher/watcher.ts": "",
  "runtime/inference/inferenceChild.ts": "",
  "runtime/inference/pipeReader.ts": "",
  "runtime/hashing/leafWorker.ts": "",
  "runtime/compile/foldWorker.ts": "",
  "scripts/bundle/writeBundle.ts": "",
  "tsconfig.json": "{}",
  "package.json": '{ "type": "module" }',
  "node_modules/.package-lock.json": "{}",
};

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "gainsay-project-"));
  for (const [name, text] of Object.entries(sources)) {
    await mkdir(path.dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
  }
  for (const name of ["gainsay.mjs", "keepCompiled.mjs", "currentBundle.mjs"]) await cp(path.join(project, "cli", name), path.join(root, "cli", name));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** What the program says. */
const said = async (): Promise<string> => (await promisify(execFile)(process.execPath, [at("cli/gainsay.mjs")], { env: { ...process.env, GAINSAY_HOME: at("home") } })).stdout.trim();
const bundles = async (): Promise<string[]> => (await readdir(at("dist"))).filter((name) => !name.endsWith(".json"));

it("runs its sources without a bundle, and the bundle once it is made", async () => {
  expect(await said()).toBe("one from sources");
  expect(await updateBundle(root)).toBe(true);
  expect(await said()).toBe("one bundled");
  expect(await updateBundle(root)).toBe(false);
});

it("never runs a bundle of other sources, even where length and time of a file are the same", async () => {
  await updateBundle(root);
  const { atime, mtime } = await stat(at("protocol/word.ts"));
  await writeFile(at("protocol/word.ts"), 'export const word: string = "two";\n');
  await utimes(at("protocol/word.ts"), atime, mtime);
  expect(await said()).toBe("two from sources");
  await updateBundle(root);
  expect(await said()).toBe("two bundled");
});

it.each(["node_modules/.package-lock.json", "scripts/bundle/writeBundle.ts", "tsconfig.json"])("nor one made with another %s", async (name) => {
  await updateBundle(root);
  await appendFile(at(name), " ");
  expect(await said()).toBe("one from sources");
});

it("still runs it where only times have changed", async () => {
  await updateBundle(root);
  await utimes(at("protocol/word.ts"), 1, 1);
  expect(await said()).toBe("one bundled");
});

it.each([
  ["a source is gone", () => rm(at("watcher/watcher.ts"))],
  ["the manifest is no JSON", () => writeFile(at("dist/manifest.json"), "{")],
  ["the manifest has another form", () => writeFile(at("dist/manifest.json"), "[]")],
  ["the bundle is gone", async () => rm(at(`dist/${(await bundles())[0]}`), { recursive: true })],
])("runs its sources where %s", async (_, damage) => {
  await updateBundle(root);
  await damage();
  expect(await said()).toBe("one from sources");
});

it("keeps the bundles that daemons may still load code from, up to five", async () => {
  for (let i = 0; i < 8; i++) {
    await writeFile(at("protocol/word.ts"), `export const word: string = "${i}";\n`);
    await updateBundle(root);
  }
  expect(await bundles()).toHaveLength(6);
  expect(await said()).toBe("7 bundled");
});

it("leaves nothing behind where the sources cannot be bundled", async () => {
  await writeFile(at("protocol/word.ts"), "export const");
  await expect(updateBundle(root)).rejects.toThrow();
  expect(await readdir(at("dist")).catch(() => [])).toEqual([]);
  expect(await readFile(at("protocol/word.ts"), "utf8")).toBe("export const");
});
