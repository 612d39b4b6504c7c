import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { gainsayFile } from "./helpers.ts";

let home: string;
beforeEach(async () => void (home = await mkdtemp(path.join(tmpdir(), "gainsay-home-"))));
afterEach(() => rm(home, { recursive: true, force: true }));

const version = (env: NodeJS.ProcessEnv, ...words: string[]) => promisify(execFile)(process.execPath, [gainsayFile, ...words, "--version"], { env });
const kept = (): Promise<string[]> => readdir(path.join(home, "cache", "compiled")).catch(() => []);

it.each([["--home", (folder: string) => [{}, ["--home", folder]] as const], ["--home=", (folder: string) => [{}, [`--home=${folder}`]] as const], ["GAINSAY_HOME", (folder: string) => [{ GAINSAY_HOME: folder }, []] as const]])("compiled code is kept in the data folder that %s names", async (_, how) => {
  const [env, words] = how(home);
  await version(env, ...words);
  expect(await kept()).toHaveLength(1);
});

it("makes no data folder for it", async () => {
  const absent = path.join(home, "absent");
  await version({ GAINSAY_HOME: absent });
  expect(existsSync(absent)).toBe(false);
});

it.each([["NODE_COMPILE_CACHE", (folder: string) => ({ NODE_COMPILE_CACHE: path.join(folder, "own") })], ["NODE_DISABLE_COMPILE_CACHE", () => ({ NODE_DISABLE_COMPILE_CACHE: "1" })]])("leaves it to %s where that is set", async (_, env) => {
  await version({ GAINSAY_HOME: home, ...env(home) });
  expect(await kept()).toEqual([]);
});
