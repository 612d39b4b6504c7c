import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { graphSetting, settingName } from "../../../runtime/programs/graphSetting.ts";
import { sourceDigest } from "../../../runtime/sourceDigest.ts";
import { ownHashes, readInputs } from "../../../scripts/bundle/updateBundle.ts";
import { writeBundle } from "../../../scripts/bundle/writeBundle.ts";

const root = path.resolve(import.meta.dirname, "../../..");
let folder: string;
beforeAll(async () => {
  // Below the project, so that packages are found.
  await mkdir(path.join(root, "dist"), { recursive: true });
  folder = await mkdtemp(path.join(root, "dist", "test-"));
  await writeBundle({ root, folder, entries: ["cli/gainsay.ts", "runtime/programs/graphSetting.ts", "runtime/sourceDigest.ts", "runtime/inference/createInference.ts"], hashes: ownHashes(readInputs(root)) });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bundled = async <T>(name: string): Promise<T> => (await import(pathToFileURL(path.join(folder, name)).href)) as T;

it("names settings and sources as the sources themselves do", async () => {
  const own = await bundled<{ sourceDigest: typeof sourceDigest }>("sourceDigest.js");
  for (const paths of [["protocol"], ["runtime/inference", "node/selfTest.ts"], ["cli", "watcher", "node"]]) expect(await own.sourceDigest(paths)).toBe(await sourceDigest(paths));
  const options = { provider: "cpu", threads: 1, optimization: "all" } as const;
  const settings = await bundled<{ graphSetting: typeof graphSetting }>("graphSetting.js");
  expect(settingName(await settings.graphSetting(options, Promise.resolve("1")))).toBe(settingName(await graphSetting(options, Promise.resolve("1"))));
});

it("starts its own inference process, in which the library answers", async () => {
  const { createInference } = await bundled<typeof import("../../../runtime/inference/createInference.ts")>("createInference.js");
  const silent = (): void => undefined;
  const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: { debug: silent, info: silent, warn: silent, error: silent } });
  try {
    expect((await inference.start()).providers).toContain("cpu");
    const model = await readFile(path.join(root, "models", "digits", "digits.onnx"));
    expect((await inference.load("digits", new Uint8Array(model))).outputs).toHaveLength(1);
  } finally {
    await inference.stop();
  }
});

it("has each process and thread whole in one file", async () => {
  for (const name of ["inferenceChild.js", "pipeReader.js", "leafWorker.js", "foldWorker.js"]) expect(await readFile(path.join(folder, name), "utf8")).not.toMatch(/from "\.\//);
});

it("runs commands, and says where it is wrong as the sources do", async () => {
  const run = (...words: string[]) => promisify(execFile)(process.execPath, [path.join(folder, "gainsay.js"), ...words]);
  expect((await run("--version")).stdout).toBe((await promisify(execFile)(process.execPath, [path.join(root, "cli", "gainsay.ts"), "--version"])).stdout);
  await expect(run("job", "show", "no-number")).rejects.toMatchObject({ code: 2 });
});

it("has no files that import each other in a circle", async () => {
  const names = await readdir(folder);
  const imports = new Map(await Promise.all(names.map(async (name) => [name, [...(await readFile(path.join(folder, name), "utf8")).matchAll(/^(?:import|export) (?:.*from )?"\.\/(.*)";$/gm)].map(([, other]) => other as string)] as const)));
  expect([...imports.values()].flat().length).toBeGreaterThan(100);
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    expect(above, `${name} imports itself by way of others`).not.toContain(name);
    if (done.has(name)) return;
    for (const other of imports.get(name) ?? []) visit(other, [...above, name]);
    done.add(name);
  };
  for (const name of names) visit(name, []);
});

it("leaves no source behind that is looked for where the bundle lies", async () => {
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(path.join(folder, name), "utf8")));
  for (const text of texts) expect(text).not.toMatch(/new URL\("\.\/\w+\.ts", import\.meta\.url\)/);
});
