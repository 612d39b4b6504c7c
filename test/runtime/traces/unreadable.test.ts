import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { closeAll, folder, LARGE, onlyEntry, open, sampleTrace, storeIn } from "./helpers.ts";

const failing = vi.hoisted(() => ({ call: "", code: "" }));

vi.mock(import("node:fs"), async (original) => {
  const fs = await original();
  return {
    ...fs,
    openSync: ((file: string, ...rest: [string]) => {
      if (failing.call === "openSync" && file.endsWith(".pack")) throw failure();
      return fs.openSync(file, ...rest);
    }) as typeof fs.openSync,
    readSync: ((...all: Parameters<typeof fs.readSync>) => {
      if (failing.call === "readSync") throw failure();
      return fs.readSync(...all);
    }) as typeof fs.readSync,
  };
});

vi.mock(import("node:fs/promises"), async (original) => {
  const fs = await original();
  const failAt = <F extends (...all: never[]) => Promise<unknown>>(name: string, file: string, call: F): F =>
    ((...all: Parameters<F>) => (failing.call === name && String(all[0]).endsWith(file) ? Promise.reject(failure()) : call(...all))) as F;
  return { ...fs, readFile: failAt("readFile", "manifest.json", fs.readFile as never), stat: failAt("stat", "data.bin", fs.stat as never), readdir: failAt("readdir", "traces", fs.readdir as never) };
});

function failure(): Error {
  return Object.assign(new Error(`${failing.code}: the system fails`), { code: failing.code, errno: -1 });
}

afterEach(async () => {
  failing.call = "";
  await closeAll();
});

it.each([
  ["openSync", 600, "EMFILE"],
  ["readSync", 600, "EIO"],
  ["readFile", LARGE, "ENFILE"],
  ["readFile", LARGE, "EACCES"],
  ["stat", LARGE, "ESTALE"],
  ["readdir", 600, "ENOMEM"],
] as const)("the start fails and leaves every trace in its place where %s of %i elements gives %s", async (call, elements, code) => {
  const dir = folder();
  const store = await open(dir);
  const trace = await sampleTrace(1, elements);
  await store.put("job", trace);
  await store.stop();
  const entry = onlyEntry(dir);
  Object.assign(failing, { call, code });
  const again = storeIn(dir);
  await expect(again.start()).rejects.toMatchObject({ code: "TRACES_UNREADABLE", retryable: true, exitCode: 75, details: { reason: code } });
  failing.call = "";
  expect(existsSync(entry)).toBe(true);
  expect(readdirSync(path.join(dir, "damaged"))).toEqual([]);
  expect(await again.start()).toEqual({ damaged: [] });
  expect(await again.get("job")).toEqual(trace);
  await again.stop();
});
