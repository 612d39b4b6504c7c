import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fromHex } from "../../../protocol/hex.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { TraceStore } from "../../../runtime/traces/createTraceStore.ts";
import { folderNameOf } from "../../../runtime/traces/readEntries.ts";
import { writeEntry } from "../../../runtime/traces/traceFiles.ts";
import { manifestOf } from "../../../runtime/traces/traceManifest.ts";
import { decodePack, encodePack } from "../../../runtime/traces/tracePack.ts";
import { closeAll, contentOf, flip, folder, LARGE, onlyEntry, open, sampleTrace, stopped, storeIn } from "./helpers.ts";

/** Bytes of a sample trace of 600 elements. */
const BYTES = 3 * 2400 + 3 * 3 * 32;

/** A store with so many traces in one pack, `job 0`, `job 1`, … */
async function packOf(count: number, maxBytes?: number): Promise<{ dir: string; store: TraceStore; traces: Trace[] }> {
  const dir = folder();
  const store = await open(dir, maxBytes);
  const traces = await Promise.all(Array.from({ length: count }, (_, i) => sampleTrace(i + 1)));
  await Promise.all(traces.map((trace, i) => store.put(`job ${i}`, trace)));
  expect(path.extname(onlyEntry(dir))).toBe(".pack");
  return { dir, store, traces };
}

const keys = (store: TraceStore): string[] => store.list().map(({ jobKey }) => jobKey).sort();

afterEach(closeAll);

describe("small traces in packs", () => {
  it("share a file if they are put at the same time, and are there after a restart", async () => {
    const { dir, store, traces } = await packOf(20);
    await store.stop();
    const again = await open(dir);
    for (const [i, trace] of traces.entries()) {
      expect(await again.get(`job ${i}`)).toEqual(trace);
      expect(Buffer.compare(again.openList(trace.traceRoot, "trace")!, Buffer.concat(trace.tensors.map(({ root }) => fromHex(root))))).toBe(0);
    }
  });

  it("are served from memory for a while, from disk else, without handing out that memory", async () => {
    const { dir, store, traces } = await packOf(3);
    const file = onlyEntry(dir);
    const kept = readFileSync(file);
    writeFileSync(file, new Uint8Array(kept.length));
    const reader = store.openTensor(traces[0]!.tensors[1]!.root)!;
    (await reader.read(0, 2400)).fill(1);
    expect(await reader.read(0, 2400)).toEqual(traces[0]!.tensors[1]!.bytes);
    await store.stop();
    writeFileSync(file, kept);
    const again = await open(dir);
    for (const [i, { tensors }] of traces.entries()) {
      const late = again.openTensor(tensors[0]!.root)!;
      (await late.read(0, 2400)).fill(1);
      expect(await late.read(10, 1500), String(i)).toEqual(tensors[0]!.bytes.slice(10, 1510));
      expect(await late.leaves()).toEqual(tensors[0]!.leaves);
    }
  });

  it("leave memory for disk when many have come since", async () => {
    const dir = folder();
    const store = await open(dir);
    const [first, ...others] = await Promise.all(Array.from({ length: 81 }, (_, i) => sampleTrace(i, 5_000)));
    await store.put("first", first!);
    const file = onlyEntry(dir);
    await Promise.all(others.map((trace, i) => store.put(`other ${i}`, trace)));
    flip(file, statSync(file).size - 1000);
    await expect(store.get("first")).rejects.toMatchObject({ code: "TRACE_DAMAGED" });
  });

  it("go one by one, and the file with the last of them, whose room is free then", async () => {
    const { dir, store } = await packOf(3, 4 * BYTES);
    const extra = await sampleTrace(9);
    await store.put("extra", extra);
    await store.prune(["job 0", "job 2", "extra"]);
    expect(keys(store)).toEqual(["job 1"]);
    expect(await store.room()).toBe(BYTES);
    const file = onlyEntry(dir);
    await store.stop();
    const again = await open(dir, 4 * BYTES);
    expect(keys(again)).toEqual(["job 1"]);
    expect(await again.room()).toBe(BYTES);
    await again.prune(["job 1"]);
    expect(existsSync(file)).toBe(false);
    expect(await again.room()).toBe(4 * BYTES);
  });

  it("are removed with their pack at the start after a crash between the last mark and the file's removal", async () => {
    const { dir, store } = await packOf(2);
    const file = onlyEntry(dir);
    await store.prune(["job 0"]);
    copyFileSync(file, path.join(dir, "kept"));
    await store.prune(["job 1"]);
    await store.stop();
    const content = readFileSync(path.join(dir, "kept"));
    content.set(Buffer.from("removed "), decodePack(contentOf(content))[1]!.markAt);
    writeFileSync(file, content);
    const again = await open(dir, BYTES);
    expect(again.list()).toEqual([]);
    expect(existsSync(file)).toBe(false);
    expect(await again.room()).toBe(BYTES);
  });

  it("are replaced one by one, by small and by large ones", async () => {
    const { dir, store, traces } = await packOf(3);
    const [small, large] = [await sampleTrace(8), await sampleTrace(9, LARGE)];
    await Promise.all([store.put("job 0", small), store.put("job 1", large)]);
    await store.stop();
    for (const current of [store, storeIn(dir)]) {
      await current.start();
      expect(await current.get("job 0")).toEqual(small);
      expect(await current.get("job 1")).toEqual(large);
      expect(await current.get("job 2")).toEqual(traces[2]);
      expect(current.openTensor(traces[0]!.tensors[0]!.root)).toBeUndefined();
      await current.stop();
    }
  });

  it("keep the order of put, put again and prune of one job", async () => {
    const dir = folder();
    const store = await open(dir);
    const [first, second] = [await sampleTrace(1), await sampleTrace(2)];
    await Promise.all([store.put("twice", first), store.put("pruned", first), store.put("twice", second), store.prune(["pruned"]), store.put("back", first), store.prune(["back"]), store.put("back", second), store.put("gone", first), store.prune(["gone"])]);
    expect(keys(store)).toEqual(["back", "twice"]);
    expect(await store.get("twice")).toEqual(second);
    expect(await store.get("back")).toEqual(second);
  });

  it("are refused one by one where not all of them fit", async () => {
    const store = await open(folder(), 2 * BYTES);
    const trace = await sampleTrace(1);
    const results = await Promise.allSettled(["a", "b", "c", "a"].map((key) => store.put(key, trace)));
    expect(results.map((result) => (result.status === "rejected" ? (result.reason as { code: string }).code : "stored"))).toEqual(["stored", "stored", "TRACE_STORE_FULL", "stored"]);
    await store.prune(["a", "b"]);
    await store.put("c", trace);
    expect(keys(store)).toEqual(["c"]);
  });

  it("stay where they are when another one of the pack is damaged, which is set aside, also at the next start", async () => {
    const { dir, store, traces } = await packOf(3);
    const name = path.basename(onlyEntry(dir));
    await store.stop();
    const places = decodePack(contentOf(readFileSync(onlyEntry(dir))));
    flip(onlyEntry(dir), places[1]!.markAt + 100);
    const again = storeIn(dir);
    expect((await again.start()).damaged).toEqual([path.join(dir, "damaged", name)]);
    expect(keys(again)).toEqual(["job 0", "job 2"]);
    flip(onlyEntry(dir), places[2]!.bodyAt + 2400);
    await expect(again.get("job 2")).rejects.toMatchObject({ code: "TRACE_DAMAGED" });
    expect(keys(again)).toEqual(["job 0"]);
    expect(readdirSync(path.join(dir, "damaged"))).toHaveLength(2);
    await again.put("job 1", traces[1]!);
    await again.prune(["job 0"]);
    await again.stop();
    const last = stopped(dir);
    expect(await last.start()).toEqual({ damaged: [] });
    expect(keys(last)).toEqual(["job 1"]);
    // What was set aside outlives the pack.
    expect(decodePack(contentOf(readFileSync(path.join(dir, "damaged", name))))).toHaveLength(3);
  });

  it("are never returned changed: every hundredth byte of a pack flipped", async () => {
    const { dir: pristine, store, traces } = await packOf(2);
    await store.stop();
    const name = path.basename(onlyEntry(pristine));
    const size = statSync(onlyEntry(pristine)).size;
    let unnoticed = 0;
    for (let at = 0; at < size; at += 100) {
      const dir = folder();
      cpSync(path.join(pristine, "traces"), path.join(dir, "traces"), { recursive: true });
      flip(path.join(dir, "traces", name), at);
      const changed = await open(dir);
      for (const [i, trace] of traces.entries()) {
        const found = await changed.get(`job ${i}`).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "TRACE_DAMAGED" });
          return undefined;
        });
        if (found !== undefined) expect(found).toEqual(trace);
      }
      if (changed.list().length === 2) unnoticed++;
      else expect(readdirSync(path.join(dir, "damaged"))).toHaveLength(1);
    }
    // Padding may be what it likes.
    expect(unnoticed).toBeLessThan(3);
  });

  it("are set aside where a pack is torn, and what is whole of it stays", async () => {
    const { dir: pristine, store, traces } = await packOf(3);
    await store.stop();
    const name = path.basename(onlyEntry(pristine));
    const places = decodePack(contentOf(readFileSync(onlyEntry(pristine))));
    const ends = places.map(({ bodyAt, bodyBytes }) => bodyAt + bodyBytes);
    for (const length of [0, 50, 200, places[0]!.markAt + 4, places[0]!.bodyAt + 10, ends[0]! - 1, ends[0]!, ends[1]! - 2500, ends[1]!, ends[2]! - 1]) {
      const dir = folder();
      cpSync(path.join(pristine, "traces"), path.join(dir, "traces"), { recursive: true });
      truncateSync(path.join(dir, "traces", name), length);
      const torn = storeIn(dir);
      const whole = ends.filter((end) => end <= length).length;
      const { damaged } = await torn.start();
      expect(damaged).toHaveLength(length < places[0]!.markAt ? 1 : 3 - whole);
      expect(keys(torn)).toEqual(["job 0", "job 1"].slice(0, whole));
      for (let i = 0; i < whole; i++) expect(await torn.get(`job ${i}`)).toEqual(traces[i]);
      for (const [i, trace] of traces.entries()) await torn.put(`job ${i}`, trace);
      await torn.stop();
      const again = await open(dir);
      for (const [i, trace] of traces.entries()) expect(await again.get(`job ${i}`)).toEqual(trace);
    }
  });

  it("stand beside folders of the form in which small traces were stored before", async () => {
    const dir = folder();
    const old = await sampleTrace(1);
    for (const name of ["traces", "incoming"]) mkdirSync(path.join(dir, name));
    await writeEntry(path.join(dir, "incoming"), path.join(dir, "traces", folderNameOf("old", 0)), manifestOf("old", old), old);
    await writeEntry(path.join(dir, "incoming"), path.join(dir, "traces", folderNameOf("replaced", 3)), manifestOf("replaced", old), old);
    let store = await open(dir);
    expect(await store.get("old")).toEqual(old);
    const [next, other] = [await sampleTrace(2), await sampleTrace(3)];
    await Promise.all([store.put("replaced", next), store.put("new", other)]);
    for (let round = 0; round < 2; round++) {
      expect(keys(store)).toEqual(["new", "old", "replaced"]);
      expect(await store.get("old")).toEqual(old);
      expect(await store.get("replaced")).toEqual(next);
      expect(await store.get("new")).toEqual(other);
      await store.stop();
      store = await open(dir);
    }
    await store.prune(["old", "replaced", "new"]);
    expect(readdirSync(path.join(dir, "traces"))).toEqual([]);
  });

  it("that a crash left half written are dropped at the start", async () => {
    const dir = folder();
    mkdirSync(path.join(dir, "incoming"));
    writeFileSync(path.join(dir, "incoming", "half.pack"), encodePack([]).content);
    const store = stopped(dir);
    expect(await store.start()).toEqual({ damaged: [] });
    expect(readdirSync(path.join(dir, "incoming"))).toEqual([]);
  });

  it("are copied before their caller goes on, and written although it does not wait", async () => {
    const dir = folder();
    const store = await open(dir);
    const trace = await sampleTrace(1);
    const shown = structuredClone(trace);
    const { stored } = await store.putBehind("job", trace);
    expect(store.list()).toEqual([]);
    for (const { bytes } of [...trace.inputs, ...trace.tensors]) bytes.fill(0);
    await stored;
    expect(await store.get("job")).toEqual(shown);
    const late = await store.putBehind("late", shown);
    await store.stop();
    const again = await open(dir);
    expect(keys(again)).toEqual(["job", "late"]);
    await late.stored;
    await expect(store.putBehind("stopped", shown)).rejects.toMatchObject({ code: "TRACE_STORE_STOPPED" });
  });

  it("have their caller wait while writing fails, and go on once it succeeds", async () => {
    const store = await open(folder(), BYTES);
    const trace = await sampleTrace(1);
    await (await store.putBehind("a", trace)).stored;
    const { stored } = await store.putBehind("b", trace);
    await expect(stored).rejects.toMatchObject({ code: "TRACE_STORE_FULL" });
    await expect(store.putBehind("b", trace)).rejects.toMatchObject({ code: "TRACE_STORE_FULL" });
    await store.prune(["a"]);
    await store.putBehind("b", trace);
    expect(keys(store)).toEqual(["b"]);
  });

  it("are there once put resolves, whole and all of them, after SIGKILL while many are put at once", async () => {
    const script = fileURLToPath(new URL("./packProcess.ts", import.meta.url));
    const dir = folder();
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [script, dir, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
      const lines = createInterface({ input: child.stdout });
      const stored: number[] = [];
      lines.on("line", (line) => {
        stored.push(Number(line));
        if (stored.length >= 20 + 17 * round) child.kill("SIGKILL");
      });
      await once(lines, "close");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      expect(child.signalCode).toBe("SIGKILL");
      const store = storeIn(dir);
      expect(await store.start()).toEqual({ damaged: [] });
      for (const number of stored) expect((await store.get(`${round}/${number}`))?.traceRoot).toBe((await sampleTrace(number)).traceRoot);
      for (const jobKey of keys(store)) expect(await store.get(jobKey)).toBeDefined();
      await store.stop();
    }
  });
});
