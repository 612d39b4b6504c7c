import { rmSync, type PathLike } from "node:fs";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { sampleTrace, storeIn, temporaryFolder } from "./helpers.ts";

const calls = vi.hoisted(() => ({ made: [] as string[], failing: "" }));

vi.mock(import("node:fs"), async (original) => {
  const fs = await original();
  const names = new Map<number, string>();
  const note = (call: string): void => {
    calls.made.push(call);
    if (call === calls.failing) throw Object.assign(new Error("the disk fails"), { code: "EIO" });
  };
  /** What a path is in a store. */
  const named = (file: PathLike): string => (String(file).endsWith(".pack") ? `pack in ${path.basename(path.dirname(String(file)))}` : path.basename(String(file)));
  return {
    ...fs,
    openSync: ((file: PathLike, ...rest: [string]) => {
      const descriptor = fs.openSync(file, ...rest);
      names.set(descriptor, named(file));
      return descriptor;
    }) as typeof fs.openSync,
    writeSync: ((descriptor: number, ...rest: [Uint8Array]) => {
      note(`write ${names.get(descriptor)}`);
      return fs.writeSync(descriptor, ...rest);
    }) as typeof fs.writeSync,
    renameSync: ((from: PathLike, to: PathLike) => {
      note(`rename ${named(from)} to ${named(to)}`);
      fs.renameSync(from, to);
    }) as typeof fs.renameSync,
    fsync: ((descriptor: number, done: (error: Error | null) => void) => {
      try {
        note(`flush ${names.get(descriptor)}`);
      } catch (error) {
        return done(error as Error);
      }
      fs.fsync(descriptor, done);
    }) as typeof fs.fsync,
  };
});

const dir = temporaryFolder();
afterEach(() => {
  calls.failing = "";
  rmSync(dir, { recursive: true, force: true });
});

const written = ["write pack in incoming", "flush pack in incoming", "rename pack in incoming to pack in traces", "flush traces"];

it("a pack is flushed before it is renamed, its rename before put resolves, once for all that are put at a time, and not for spares alone", async () => {
  const store = storeIn(dir);
  await store.start();
  const trace = await sampleTrace(1);
  calls.made.length = 0;
  await Promise.all([store.put("a", trace), store.put("b", trace, { isSpare: true }), store.put("c", trace)]);
  expect(calls.made).toEqual(written);
  calls.made.length = 0;
  await store.put("spare", trace, { isSpare: true });
  expect(calls.made).toEqual(written.filter((call) => !call.startsWith("flush")));
  calls.made.length = 0;
  await store.prune(["a"]);
  expect(calls.made).toEqual(["write pack in traces", "flush pack in traces"]);
  calls.made.length = 0;
  await store.prune(["b", "c", "spare"]);
  expect(calls.made).toEqual(["flush traces"]);
  await store.stop();
});

it.each(written)("nothing is left of a pack if the disk fails at: %s", async (failing) => {
  const store = storeIn(dir);
  await store.start();
  const trace = await sampleTrace(1);
  calls.failing = failing;
  await expect(store.put("a", trace)).rejects.toMatchObject({ code: "TRACE_WRITE_FAILED", retryable: true });
  calls.failing = "";
  expect(store.list()).toEqual([]);
  await store.stop();
  expect(await store.start()).toEqual({ damaged: [] });
  expect(store.list()).toEqual([]);
  await store.put("a", trace);
  expect(await store.get("a")).toEqual(trace);
  await store.stop();
});

