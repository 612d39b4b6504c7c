import { rmSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { createCaseStore } from "../../watcher/createCaseStore.ts";
import { temporaryFolder } from "../runtime/traces/helpers.ts";

const calls = vi.hoisted(() => ({ made: [] as string[] }));

vi.mock(import("node:fs"), async (original) => {
  const fs = await original();
  const names = new Map<number, string>();
  return {
    ...fs,
    openSync: ((file: string, ...rest: [string]) => {
      const descriptor = fs.openSync(file, ...rest);
      names.set(descriptor, path.basename(file));
      return descriptor;
    }) as typeof fs.openSync,
    fsync: ((descriptor: number, done: (error: Error | null) => void) => {
      calls.made.push(`flush ${names.get(descriptor)}`);
      fs.fsync(descriptor, done);
    }) as typeof fs.fsync,
  };
});

vi.mock(import("node:fs/promises"), async (original) => {
  const fs = await original();
  return {
    ...fs,
    rename: (async (from: string, to: string) => {
      calls.made.push(`rename to ${path.basename(to)}`);
      await fs.rename(from, to);
    }) as typeof fs.rename,
  };
});

const dir = temporaryFolder();
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it.skipIf(process.platform === "win32")("flushes the rename of a case before put resolves, since a bond stands behind it right after", async () => {
  const store = await createCaseStore(path.join(dir, "cases"));
  await store.put({ jobId: "1", attempt: 1, challenger: `0x${"ab".repeat(20)}`, stepIndex: 2, element: 40, salt: "0x22", seal: "0x11", witness: "0x01" });
  expect(calls.made).toEqual(["rename to 1-1.json", "flush cases"]);
});
