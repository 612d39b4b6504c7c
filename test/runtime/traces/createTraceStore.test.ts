import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync, cpSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fromHex } from "../../../protocol/hex.ts";
import { readEntry } from "../../../runtime/traces/traceFiles.ts";
import { closeAll, flip, folder, LARGE, onlyEntry, open, sampleTrace, storeIn } from "./helpers.ts";

afterEach(closeAll);

describe("createTraceStore", () => {
  it("gives back what was put, now and after a restart", async () => {
    const dir = folder();
    const [a, b] = [await sampleTrace(1), await sampleTrace(2)];
    let store = await open(dir);
    await store.put("1:0", a);
    await store.put("any / key\n", b);
    for (let round = 0; round < 2; round++) {
      expect(await store.get("1:0")).toEqual(a);
      expect(await store.get("any / key\n")).toEqual(b);
      expect(await store.get("2:0")).toBeUndefined();
      expect(store.list().map(({ jobKey, traceRoot }) => ({ jobKey, traceRoot })).sort((x, y) => x.jobKey.localeCompare(y.jobKey))).toEqual([
        { jobKey: "1:0", traceRoot: a.traceRoot },
        { jobKey: "any / key\n", traceRoot: b.traceRoot },
      ]);
      await store.stop();
      store = await open(dir);
    }
  });

  it("serves any range of a tensor, and the lists of roots", async () => {
    const store = await open(folder());
    const trace = await sampleTrace(1, 700);
    await store.put("job", trace);
    const tensor = trace.tensors[1]!;
    const reader = store.openTensor(tensor.root)!;
    expect(reader.byteLength).toBe(2800);
    for (const [offset, length] of [[0, 2800], [0, 1], [1023, 2], [1024, 1024], [2047, 753], [2799, 1], [100, 0]] as const) {
      expect(Buffer.compare(await reader.read(offset, length), tensor.bytes.subarray(offset, offset + length))).toBe(0);
    }
    expect(Buffer.compare(await reader.leaves(), tensor.leaves)).toBe(0);
    for (const [offset, length] of [[0, 2801], [-1, 1], [2800, 1], [0.5, 1], [NaN, 1]] as const) await expect(reader.read(offset, length)).rejects.toMatchObject({ code: "TRACE_OUT_OF_RANGE" });
    expect(store.openTensor(`0x${"00".repeat(32)}`)).toBeUndefined();
    const roots = (...hex: `0x${string}`[]) => Buffer.concat(hex.map(fromHex));
    expect(Buffer.compare(store.openList(trace.traceRoot, "trace")!, roots(trace.tensors[0]!.root, trace.tensors[1]!.root))).toBe(0);
    expect(Buffer.compare(store.openList(trace.inputRoot, "inputs")!, roots(trace.inputs[0]!.root))).toBe(0);
    expect(Buffer.compare(store.openList(trace.outputRoot, "outputs")!, roots(trace.tensors[1]!.root))).toBe(0);
    expect(store.openList(trace.traceRoot, "inputs")).toBeUndefined();
  });

  it.each([["small", 600], ["large", LARGE]])("stores %s traces alike, flushed or as a spare", async (_, elements) => {
    const dir = folder();
    const store = await open(dir);
    const [first, second] = [await sampleTrace(1, elements), await sampleTrace(2, elements)];
    await store.put("flushed", first);
    await store.put("spare", second, { isSpare: true });
    await store.stop();
    const again = await open(dir);
    expect(await again.get("flushed")).toEqual(first);
    expect(await again.get("spare")).toEqual(second);
  });

  it.each([["small", 600], ["large", LARGE]])("prunes %s traces for good, also what is being read, and keeps what other jobs share", async (_, elements) => {
    const dir = folder();
    const store = await open(dir);
    const trace = await sampleTrace(1, elements);
    await store.put("a", trace);
    await store.put("b", trace);
    await store.prune(["a", "never stored"]);
    expect(await store.get("a")).toBeUndefined();
    const reader = store.openTensor(trace.tensors[0]!.root)!;
    expect(await reader.read(0, 10)).toEqual(trace.tensors[0]!.bytes.slice(0, 10));
    await store.prune(["b"]);
    await expect(reader.read(0, 10)).rejects.toMatchObject({ code: "TRACE_GONE" });
    expect(store.openTensor(trace.tensors[0]!.root)).toBeUndefined();
    for (const [root, domain] of [[trace.traceRoot, "trace"], [trace.inputRoot, "inputs"], [trace.outputRoot, "outputs"]] as const) expect(store.openList(root, domain)).toBeUndefined();
    expect(readdirSync(path.join(dir, "traces"))).toEqual([]);
    expect(readdirSync(path.join(dir, "incoming"))).toEqual([]);
  });

  it.each([["small by small", 600, 600], ["small by large", 600, LARGE], ["large by small", LARGE, 600], ["large by large", LARGE, LARGE]])("replaces the trace of a job, %s, and finishes that after a crash in between", async (_, before, after) => {
    const dir = folder();
    const store = await open(dir);
    const [first, second] = [await sampleTrace(1, before), await sampleTrace(2, after)];
    await store.put("job", first);
    const older = onlyEntry(dir);
    cpSync(older, path.join(dir, "kept"), { recursive: true });
    await store.put("job", second);
    await store.put("job", second);
    expect(await store.get("job")).toEqual(second);
    expect(readdirSync(path.join(dir, "traces"))).toHaveLength(1);
    expect(store.openTensor(first.tensors[0]!.root)).toBeUndefined();
    await store.stop();
    cpSync(path.join(dir, "kept"), older, { recursive: true });
    const again = await open(dir);
    expect(await again.get("job")).toEqual(second);
    expect(again.openTensor(first.tensors[0]!.root)).toBeUndefined();
    expect(readdirSync(path.join(dir, "traces"))).toHaveLength(1);
  });

  it.each([["small", 600, 3 * 2400 + 3 * 3 * 32], ["large", LARGE, 288_000 + 9024]])("refuses what exceeds its limit, %s", async (_, elements, bytes) => {
    const trace = await sampleTrace(1, elements);
    const store = await open(folder(), 2 * bytes);
    await store.put("a", trace);
    await store.put("b", trace);
    expect(store.list()[0]!.bytes).toBe(bytes);
    await expect(store.put("c", trace)).rejects.toMatchObject({ code: "TRACE_STORE_FULL", retryable: true });
    await store.prune(["a"]);
    await store.put("c", trace);
  });

  it("sets a folder aside at the start if any file is cut off or its manifest is changed", async () => {
    const trace = await sampleTrace(1, LARGE);
    const pristine = folder();
    const store = await open(pristine);
    await store.put("job", trace);
    await store.stop();
    const name = path.basename(onlyEntry(pristine));
    const manifestBytes = readFileSync(path.join(pristine, "traces", name, "manifest.json")).length;
    const damages: [string, (file: string) => void][] = [
      ...[0, 1, 287_999].map((length): [string, (file: string) => void] => ["data.bin", (file) => truncateSync(file, length)]),
      ...[0, 9023].map((length): [string, (file: string) => void] => ["leaves.bin", (file) => truncateSync(file, length)]),
      ...Array.from({ length: 40 }, (_, i): [string, (file: string) => void] => ["manifest.json", (file) => truncateSync(file, Math.floor((i * manifestBytes) / 40))]),
      ...Array.from({ length: 40 }, (_, i): [string, (file: string) => void] => ["manifest.json", (file) => flip(file, Math.floor((i * manifestBytes) / 40))]),
      ["data.bin", rmSync],
      ["manifest.json", rmSync],
    ];
    for (const [file, damage] of damages) {
      const dir = folder();
      cpSync(path.join(pristine, "traces"), path.join(dir, "traces"), { recursive: true });
      damage(path.join(dir, "traces", name, file));
      const damagedStore = storeIn(dir);
      const { damaged } = await damagedStore.start();
      expect(damaged).toEqual([path.join(dir, "damaged", name)]);
      expect(existsSync(damaged[0]!)).toBe(true);
      expect(damagedStore.list()).toEqual([]);
      await damagedStore.put("job", trace);
      expect(await damagedStore.get("job")).toEqual(trace);
      await damagedStore.stop();
    }
  });

  it("notices one changed byte anywhere in the data or the chunk hashes of a folder, and sets it aside", async () => {
    const trace = await sampleTrace(1, LARGE);
    for (const [file, at] of [["data.bin", 96_000], ["data.bin", 191_999], ["leaves.bin", 3008], ["leaves.bin", 6015]] as const) {
      const dir = folder();
      const store = await open(dir);
      await store.put("job", trace);
      flip(path.join(onlyEntry(dir), file), at);
      const reader = store.openTensor(trace.tensors[0]!.root)!;
      const untouched = store.openTensor(trace.tensors[1]!.root)!;
      expect(Buffer.compare(await untouched.read(0, 96_000), trace.tensors[1]!.bytes)).toBe(0);
      await expect(reader.read(0, 96_000)).rejects.toMatchObject({ code: "TRACE_DAMAGED" });
      expect(store.list()).toEqual([]);
      expect(await store.get("job")).toBeUndefined();
      expect(readdirSync(path.join(dir, "damaged"))).toHaveLength(1);
    }
  });

  it("notices changed chunk hashes where only these are asked for", async () => {
    const dir = folder();
    const store = await open(dir);
    const trace = await sampleTrace(1, LARGE);
    await store.put("job", trace);
    flip(path.join(onlyEntry(dir), "leaves.bin"), 3100);
    await expect(store.openTensor(trace.tensors[0]!.root)!.leaves()).rejects.toMatchObject({ code: "TRACE_DAMAGED" });
    expect(store.list()).toEqual([]);
  });

  it("shows an entry only once all of it is written", async () => {
    const dir = folder();
    const store = await open(dir);
    const trace = await sampleTrace(1, 500_000);
    let done = false;
    let looks = 0;
    const writing = store.put("job", trace).finally(() => (done = true));
    while (!done) {
      for (const name of await readdir(path.join(dir, "traces"))) expect((await readEntry(path.join(dir, "traces", name))).traceRoot).toBe(trace.traceRoot);
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(2);
  });

  it("drops at the start what a crash left half written", async () => {
    const dir = folder();
    mkdirSync(path.join(dir, "incoming", "half"), { recursive: true });
    writeFileSync(path.join(dir, "incoming", "half", "data.bin"), "half");
    const store = await open(dir);
    expect(readdirSync(path.join(dir, "incoming"))).toEqual([]);
    expect(store.list()).toEqual([]);
  });

  it("notices damage in get, too, and while it happens between two reads", async () => {
    const dir = folder();
    const store = await open(dir);
    const trace = await sampleTrace(1, LARGE);
    await store.put("job", trace);
    const reader = store.openTensor(trace.inputs[0]!.root)!;
    await reader.read(0, 100);
    truncateSync(path.join(onlyEntry(dir), "data.bin"), 50);
    await expect(store.get("job")).rejects.toMatchObject({ code: "TRACE_DAMAGED" });
    await expect(reader.read(0, 100)).rejects.toMatchObject({ code: "TRACE_GONE" });
  });

  it("refuses work when it is not started", async () => {
    const store = storeIn(folder());
    await expect(store.put("job", await sampleTrace(1))).rejects.toMatchObject({ code: "TRACE_STORE_STOPPED" });
    await expect(store.prune(["job"])).rejects.toMatchObject({ code: "TRACE_STORE_STOPPED" });
  });

  it.each([["small", 3000], ["large", LARGE]])("has lost nothing that was stored, and shows nothing half stored, after SIGKILL at any moment, %s", async (_, elements) => {
    const script = fileURLToPath(new URL("./storeProcess.ts", import.meta.url));
    const dir = folder();
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [script, dir, String(elements)], { stdio: ["ignore", "pipe", "inherit"] });
      const lines = createInterface({ input: child.stdout });
      const stored = new Map<string, number>();
      let last = -1;
      lines.on("line", (line) => {
        const [, number, key] = /^(\d+) (.*)$/.exec(line) ?? [];
        if (number === undefined) return;
        last = Number(number);
        stored.set(key!, last);
        // Killed right after a line, the process is in the middle of the next steps; the round decides how deep.
        if (last >= 3 + round) child.kill("SIGKILL");
      });
      await once(lines, "close");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      expect(child.signalCode).toBe("SIGKILL");

      const store = storeIn(dir);
      expect((await store.start()).damaged).toEqual([]);
      for (const [key, number] of stored) {
        const job = Number(key.slice(4));
        if (job <= last - 5) continue;
        const found = await store.get(key);
        // The kill may have fallen after a replacement was stored and before the line about it.
        const candidates = [number, number + 1].map((seed) => sampleTrace(seed, elements));
        expect((await Promise.all(candidates)).map((trace) => trace.traceRoot)).toContain(found?.traceRoot);
      }
      for (const { jobKey } of store.list()) expect(await store.get(jobKey)).toBeDefined();
      await store.prune(store.list().map(({ jobKey }) => jobKey));
      await store.stop();
    }
  });
});
