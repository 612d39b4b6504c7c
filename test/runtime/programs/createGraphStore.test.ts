import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { seededInputs } from "../../../runtime/audit/seededInputs.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { ModelFile } from "../../../runtime/inference/types.ts";
import { createGraphStore } from "../../../runtime/programs/createGraphStore.ts";
import type { GraphOptions } from "../../../runtime/programs/graphSetting.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { bottleneckModel } from "../../support/bottleneckModel.ts";

const program = `0x${"ab".repeat(32)}` as const;
const options: GraphOptions = { provider: "cpu", threads: 1, optimization: "all" };
const version = Promise.resolve("1.2.3");
const writing = (text: string) => (file: string) => writeFile(file, text);
const never = async (): Promise<void> => {
  throw new Error("a kept graph was made again");
};
const textOf = async (graph: { bytes(): Promise<Uint8Array> }): Promise<string> => Buffer.from(await graph.bytes()).toString();

let folder: string;
const warn = vi.fn();
const store = (changed: Partial<GraphOptions> = {}) => createGraphStore(folder, { ...options, ...changed }, { logger: { warn } });
const settings = (): Promise<string[]> => readdir(path.join(folder, program));
/** Nobody waits for what is removed, so tests do. */
const eventually = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 15_000 });
/** Folders by the number of threads their graphs are for, those apart that are being removed. */
const byThreads = async (): Promise<Map<number, string>> => {
  const found = await Promise.all(
    (await settings()).map(async (name) => {
      const own = path.join(folder, program, name);
      const text = await readFile(path.join(own, "setting.json"), "utf8").catch(() => undefined);
      return text === undefined ? [] : [[(JSON.parse(text) as GraphOptions).threads, own] as const];
    }),
  );
  return new Map(found.flat());
};
const threadsKept = async (): Promise<number[]> => [...(await byThreads()).keys()].sort((a, b) => a - b);
const ownFolder = async (threads: number): Promise<string> => (await byThreads()).get(threads) as string;
const files = async (): Promise<string[]> => (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
const graphs = async (): Promise<string[]> => (await files()).filter((file) => file.endsWith(".onnx"));

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gainsay-store-"));
  warn.mockClear();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("createGraphStore", () => {
  it("keeps a graph under the name of its contents, and gives it again", async () => {
    const first = await (await store().open(program, version)).of("cut", writing("graph"));
    const again = await (await store().open(program, version)).of("cut", never);
    expect(await textOf(again)).toBe("graph");
    expect(again.sha256).toBe(first.sha256);
    expect((again.source as ModelFile).path).toMatch(new RegExp(`/${program}/[0-9a-f]{32}/cut-${first.sha256}\\.onnx$`));
    await (again.source as ModelFile).check();
    expect(warn).not.toHaveBeenCalled();
  });

  it("keeps what is made of a graph apart from what is made of another", async () => {
    const { of } = await store().open(program, version);
    const [cut, other] = [await of("cut", writing("cut")), await of("other", writing("other"))];
    await of("trace", writing("of cut"), cut);
    expect(await textOf(await of("trace", writing("of other"), other))).toBe("of other");
    expect(await textOf(await of("trace", never, cut))).toBe("of cut");
  });

  it.each([{ threads: 2 }, { optimization: "basic" as const }, { provider: "webgpu" as const }])("makes graphs of its own for %j, and for another version of ONNX Runtime", async (changed) => {
    await (await store().open(program, version)).of("cut", writing("one"));
    expect(await textOf(await (await store(changed).open(program, version)).of("cut", writing("two")))).toBe("two");
    expect(await textOf(await (await store().open(program, Promise.resolve("1.2.4"))).of("cut", writing("three")))).toBe("three");
    expect(await textOf(await (await store().open(program, version)).of("cut", never))).toBe("one");
  });

  const damages: [string, (file: string) => Promise<void>][] = [
    ["changed", (file) => writeFile(file, "grapH")],
    ["cut short", (file) => truncate(file, 2)],
    ["gone", (file) => rm(file)],
  ];
  it.each(damages)("notices a file that was %s, removes it with a warning, and makes it again", async (_, damage) => {
    const graph = await (await store().open(program, version)).of("cut", writing("graph"));
    await damage((graph.source as ModelFile).path);
    await expect((graph.source as ModelFile).check()).rejects.toMatchObject({ code: "GRAPH_DAMAGED", retryable: true });
    expect(warn).toHaveBeenCalledOnce();
    expect(await graphs()).toEqual([]);
    expect(await textOf(await (await store().open(program, version)).of("cut", writing("graph")))).toBe("graph");
  });

  it("does not read out a damaged file", async () => {
    const graph = await (await store().open(program, version)).of("cut", writing("graph"));
    await writeFile((graph.source as ModelFile).path, "grapH");
    await expect(graph.bytes()).rejects.toMatchObject({ code: "GRAPH_DAMAGED" });
  });

  it("settles writers of one graph on the one that was there first, and leaves nothing of the others", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, async (_, i) => (await store().open(program, version)).of("cut", writing(`graph ${i % 2}`))));
    const later = await (await store().open(program, version)).of("cut", never);
    expect(new Set([...made, later].map(({ sha256 }) => sha256)).size).toBe(1);
    expect((await files()).map((file) => path.basename(file)).sort()).toEqual([`cut-${later.sha256}.onnx`, "setting.json"]);
  });

  it("stays with a graph that is in use when a writer who began before comes to an end", async () => {
    const [begun, used] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = (await store().open(program, version)).of("cut", async (file) => {
      await writeFile(file, "slow");
      begun.resolve();
      await used.promise;
    });
    await begun.promise;
    const first = await (await store().open(program, version)).of("cut", writing("quick"));
    used.resolve();
    expect((await slow).sha256).toBe(first.sha256);
    expect((await graphs()).length).toBe(1);
    expect(await textOf(await (await store().open(program, version)).of("cut", never))).toBe("quick");
  });

  it("keeps a graph that cannot be read at the moment", async () => {
    const graph = await (await store().open(program, version)).of("cut", writing("graph"));
    const { path: file } = graph.source as ModelFile;
    await rename(file, `${file}.aside`);
    // Nobody can read a folder as a file, not even root.
    await mkdir(file);
    for (const read of [() => (graph.source as ModelFile).check(), () => graph.bytes()]) await expect(read()).rejects.toMatchObject({ code: "GRAPH_NOT_READ", retryable: true, message: expect.stringContaining("EISDIR") as string });
    await rmdir(file);
    await rename(`${file}.aside`, file);
    expect(await textOf(graph)).toBe("graph");
    expect(warn).not.toHaveBeenCalled();
  });

  it("leaves nothing behind where a graph cannot be made", async () => {
    const { of } = await store().open(program, version);
    await expect(of("cut", async (file) => (await writeFile(file, "half"), Promise.reject(new Error("no"))))).rejects.toMatchObject({ code: "GRAPH_NOT_KEPT", cause: { message: "no" } });
    expect((await files()).map((file) => path.basename(file))).toEqual(["setting.json"]);
  });

  it("says what to do where the folder cannot be written", async () => {
    await writeFile(path.join(folder, program), "a file");
    await expect(store().open(program, version)).rejects.toMatchObject({ code: "GRAPH_NOT_KEPT", message: expect.stringContaining("writable") as string });
  });

  it("keeps the eight settings that were used last", async () => {
    for (let threads = 1; threads <= 10; threads++) {
      await (await store({ threads }).open(program, version)).of("cut", writing(`graph ${threads}`));
      await utimes(path.join(await ownFolder(threads), "setting.json"), threads, threads);
      await eventually(async () => expect((await settings()).length).toBe(Math.min(threads, 8)));
    }
    expect(await threadsKept()).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await graphs()).length).toBe(8);
    expect(warn).not.toHaveBeenCalled();
  });

  it("counts a setting as used when it is opened again", async () => {
    for (let threads = 1; threads <= 8; threads++) {
      await store({ threads }).open(program, version);
      await utimes(path.join(await ownFolder(threads), "setting.json"), threads, threads);
    }
    await store({ threads: 1 }).open(program, version);
    await store({ threads: 9 }).open(program, version);
    await eventually(async () => expect(await threadsKept()).toEqual([1, 3, 4, 5, 6, 7, 8, 9]));
  });

  it("leaves settings that several remove at once to whoever is first, without a warning", async () => {
    for (let threads = 1; threads <= 40; threads++) {
      const { of } = await store({ threads }).open(program, version);
      if (threads <= 32) await Promise.all(["a", "b", "c", "d"].map((name) => of(name, writing(name))));
    }
    await eventually(async () => expect((await settings()).length).toBe(8));
    expect(warn).not.toHaveBeenCalled();
  });

  it("goes by when a setting was opened, not by what was removed from it meanwhile", async () => {
    for (let threads = 1; threads <= 9; threads++) {
      await (await store({ threads }).open(program, version)).of("cut", writing("graph"));
      await utimes(path.join(await ownFolder(threads), "setting.json"), threads, threads);
      await eventually(async () => expect((await settings()).length).toBe(Math.min(threads, 8)));
    }
    await rm(path.join(await ownFolder(2), (await readdir(await ownFolder(2))).find((name) => name.endsWith(".onnx")) as string));
    await store({ threads: 10 }).open(program, version);
    await eventually(async () => expect(await threadsKept()).toEqual([3, 4, 5, 6, 7, 8, 9, 10]));
  });

  it("removes what others left half written or half removed a day ago, and nothing younger", async () => {
    await store().open(program, version);
    const own = await ownFolder(options.threads);
    for (const name of [".cut-abandoned", ".cut-young"]) await writeFile(path.join(own, name), "half");
    const [abandoned, young] = [path.join(folder, program, "abandoned"), path.join(folder, program, "young")];
    for (const left of [abandoned, young]) {
      await mkdir(left);
      await writeFile(path.join(left, "cut.onnx"), "graph");
    }
    for (const old of [path.join(own, ".cut-abandoned"), abandoned]) await utimes(old, 1, 1);
    await store().open(program, version);
    await eventually(async () => expect([(await readdir(own)).sort(), (await settings()).sort()]).toEqual([[".cut-young", "setting.json"], [path.basename(own), "young"].sort()]));
  });
});

describe.each(["block", "layer"] as const)("a program of granularity %s whose graphs are kept", (granularity) => {
  const runner = createFoldRunner();
  const hasher = createHasher({ threads: 1 });
  const inference = createInference(options, { logger: silentLogger() });
  let bundle: Bundle;
  beforeAll(async () => {
    hasher.start();
    bundle = await compileModel({ modelBytes: bottleneckModel(), granularity }, { runner });
  });
  afterAll(async () => {
    runner.close();
    await inference.stop();
    await hasher.stop();
  });

  it("gives the bits that it gives without, made or kept", async () => {
    const inputs = seededInputs(bundle.program, 1, 2);
    const plain = prepareProgram(bundle, inference, hasher);
    const wanted = await plain.execute(inputs);
    const posted = { inputs, tensors: wanted.tensors.map(({ bytes }) => bytes) };
    for (const round of ["made", "kept"]) {
      const loaded = prepareProgram(bundle, inference, hasher, { graphs: store() });
      expect((await loaded.execute(inputs)).traceRoot, round).toBe(wanted.traceRoot);
      expect(await loaded.recompute(inputs, posted.tensors)).toEqual(await plain.recompute(inputs, posted.tensors));
      expect((await loaded.expand(0, posted)).innerRoot).toBe((await plain.expand(0, posted)).innerRoot);
      expect(await loaded.graphName()).toMatch(/^[0-9a-f]{32}\/[0-9a-f]{64}$/);
    }
    expect(await plain.graphName()).toBeUndefined();
  });

  it("makes damaged graphs again, also those that a process loads again after a crash", async () => {
    const inputs = seededInputs(bundle.program, 1, 2);
    const loaded = prepareProgram(bundle, inference, hasher, { graphs: store() });
    const { traceRoot } = await loaded.execute(inputs);
    for (const file of await graphs()) await writeFile(file, "no graph at all");
    const fresh = prepareProgram(bundle, inference, hasher, { graphs: store() });
    expect((await fresh.execute(inputs)).traceRoot).toBe(traceRoot);
    expect(warn).toHaveBeenCalled();
    for (const file of await graphs()) await writeFile(file, "no graph at all");
    await inference.stop();
    expect((await loaded.execute(inputs)).traceRoot).toBe(traceRoot);
  });
});
