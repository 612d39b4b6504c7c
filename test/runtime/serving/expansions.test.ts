import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { domains } from "../../../protocol/trees/domains.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { seededInputs } from "../../../runtime/audit/seededInputs.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import type { InnerTrace } from "../../../runtime/inference/innerTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { createExpansions } from "../../../runtime/serving/createExpansions.ts";
import { fetchInner, type FetchInnerOptions } from "../../../runtime/serving/fetchInner.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { bottleneckModel } from "../../support/bottleneckModel.ts";
import { startNetwork, until } from "../network/helpers.ts";

const hasher = createHasher({ threads: 1 });
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
let loaded: LoadedProgram;
let trace: Trace;
let runs: number;

beforeAll(async () => {
  hasher.start();
  const runner = createFoldRunner();
  const bundle = await compileModel({ modelBytes: bottleneckModel(), granularity: "block" }, { runner });
  runner.close();
  loaded = prepareProgram(bundle, inference, hasher);
  trace = await loaded.execute(seededInputs(bundle.program, 1, 8));
});
afterAll(async () => {
  await inference.stop();
  await hasher.stop();
});

/** Two nodes: one serves the inner traces of the stored trace, the other asks for them. */
async function pair(expand?: (trace: Trace, blockIndex: number) => Promise<InnerTrace>) {
  runs = 0;
  const counted: LoadedProgram = { ...loaded, expand: (...args) => (runs++, loaded.expand(...args)) };
  const stored = { jobKey: "1/1", programRoot: trace.programRoot, inputRoot: trace.inputRoot, traceRoot: trace.traceRoot, outputRoot: trace.outputRoot, bytes: 0 };
  const expansions = createExpansions({ programs: { open: async () => counted }, traces: { list: () => [stored], get: async () => trace } }, expand === undefined ? {} : { expand });
  const server = await startNetwork();
  server.blobs.serve(expansions.source);
  const options = (over: Partial<FetchInnerOptions> = {}): FetchInnerOptions => ({ network: client, peers: [server.addresses()[0] as string], program: loaded.program, traceRoot: trace.traceRoot, blockIndex: 0, signal: new AbortController().signal, ...over });
  const client = await startNetwork();
  return { expansions, client, options };
}

describe("inner traces over a real network", () => {
  it("are what running the block gives, and the block is run once", async () => {
    const { options, expansions } = await pair();
    const inner = await fetchInner(options());
    const { tensors, innerRoot } = await loaded.expand(0, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) });
    expect(inner.innerRoot).toBe(innerRoot);
    expect(inner.tensors.map(({ root }) => root)).toEqual(tensors.map(({ root }) => root));
    expect(inner.tensors.every(({ bytes }, i) => Buffer.compare(bytes, tensors[i]!.bytes) === 0)).toBe(true);
    expect((await expansions.of(trace, 0)).innerRoot).toBe(innerRoot);
    expect(await fetchInner(options({ innerRoot: innerRoot! }))).toEqual(inner);
    expect(runs).toBe(1);
  });

  it("of two askers at once cost one run, and another block another one", async () => {
    const { options } = await pair();
    const [first, second] = await Promise.all([fetchInner(options()), fetchInner(options())]);
    expect(first.innerRoot).toBe(second.innerRoot);
    expect(runs).toBe(1);
    await fetchInner(options({ blockIndex: 1 }));
    expect(runs).toBe(2);
  });

  it("are not to be had of traces that are not stored, of blocks that are not there, and of roots that nobody has made", async () => {
    const { options } = await pair();
    const other = `0x${"ab".repeat(32)}` as Hex;
    await expect(fetchInner(options({ traceRoot: other }))).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(fetchInner(options({ innerRoot: other }))).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    const { client } = await pair();
    const { peers } = options();
    await expect(client.blobs.fetch({ kind: "inner", root: trace.traceRoot, block: 1_000 }, peers)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(client.blobs.fetch({ kind: "list", root: trace.traceRoot, domain: domains.inner }, peers)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    expect(runs).toBe(0);
  });

  it("with another number of tensors, or one of another length, are refused", async () => {
    const honest = await loaded.expand(0, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) });
    const short = await pair(async () => ({ ...honest, tensors: honest.tensors.slice(1) }));
    await expect(fetchInner(short.options())).rejects.toMatchObject({ code: "TRACE_UNFIT" });
    const swapped = await pair(async () => ({ ...honest, tensors: [...honest.tensors.slice(0, -1), trace.tensors[0]!] }));
    const lengths = honest.tensors.map(({ bytes }) => bytes.length);
    expect(trace.tensors[0]!.bytes.length).toBeLessThan(lengths.at(-1)!);
    await expect(fetchInner(swapped.options())).rejects.toMatchObject({ code: "TRACE_UNFIT" });
  });

  it("that do not lead to what was committed are told from others, and are not served", async () => {
    const expansions = createExpansions({
      programs: { open: async () => ({ ...loaded, expand: async (...args) => {
        const expansion = await loaded.expand(...args);
        return { ...expansion, borders: new Map([...expansion.borders].map(([tensor, bytes]) => [tensor, Uint8Array.from(bytes, (byte) => byte ^ 1)])) };
      } }) },
      traces: { list: () => [{ jobKey: "1/1", programRoot: trace.programRoot, inputRoot: trace.inputRoot, traceRoot: trace.traceRoot, outputRoot: trace.outputRoot, bytes: 0 }], get: async () => trace },
    });
    const inner = await expansions.of(trace, 0);
    expect(inner.strayed).toBe(true);
    expect(await expansions.source.open({ kind: "inner", root: trace.traceRoot, block: 0 }, "peer")).toBeUndefined();
    expect(await expansions.source.open({ kind: "tensor", root: inner.tensors[0]!.root }, "peer")).toBeUndefined();
    expect((await (await pair()).expansions.of(trace, 0)).strayed).toBeUndefined();
  });

  it("are made one after the other for whoever asks, so that the own moves wait for one at most", async () => {
    const order: string[] = [];
    let release = (): void => undefined;
    const { expansions } = await pair(async (of, block) => {
      order.push(`block ${block}`);
      if (block === 0) await new Promise<void>((resolve) => (release = resolve));
      return loaded.expand(block, { inputs: of.inputs.map(({ bytes }) => bytes), tensors: of.tensors.map(({ bytes }) => bytes) });
    });
    const asked = [0, 1].map((block) => expansions.source.open({ kind: "inner", root: trace.traceRoot, block }, "peer"));
    await until("the first is under way", () => order.length === 1);
    const own = expansions.of(trace, 1);
    expect(order).toEqual(["block 0", "block 1"]);
    release();
    await Promise.all([...asked, own]);
    expect(order).toEqual(["block 0", "block 1"]);
  });

  it("that could not be made are tried again for the next asker", async () => {
    let calls = 0;
    const { options } = await pair(async (of, block) => {
      if (calls++ === 0) throw new Error("out of memory");
      return loaded.expand(block, { inputs: of.inputs.map(({ bytes }) => bytes), tensors: of.tensors.map(({ bytes }) => bytes) });
    });
    await expect(fetchInner(options())).rejects.toMatchObject({ code: "BLOB_INTERRUPTED" });
    expect((await fetchInner(options())).tensors.length).toBe(loaded.program.blocks[0]!.innerCount);
  });
});
