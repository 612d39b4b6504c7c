import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blockGraph, cutGraph, executableGraph } from "../../../protocol/lowering/executableGraph.ts";
import { commitShape, cutOutputName, traceName } from "../../../protocol/lowering/graphNames.ts";
import { tracedGraph } from "../../../protocol/lowering/tracedGraph.ts";
import { extractGraph } from "../../../protocol/onnx/extractGraph.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { innerTensors } from "../../../protocol/program/blocks.ts";
import type { Program } from "../../../protocol/program/types.ts";
import { tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { toHex } from "../../../protocol/hex.ts";
import { listRootOf } from "../../../protocol/trees/listTree.ts";
import { seededInputs } from "../../../runtime/audit/seededInputs.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference, type Inference } from "../../../runtime/inference/createInference.ts";
import { optimiseGraph } from "../../../runtime/inference/optimiseGraph.ts";
import { executeTraced } from "../../../runtime/inference/traceExecution.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { createGraphStore } from "../../../runtime/programs/createGraphStore.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { bottleneckModel } from "../../support/bottleneckModel.ts";
import { sharedFolder } from "../../support/onnxVectors.ts";

const folder = mkdtempSync(path.join(tmpdir(), "gainsay-graphs-"));
const runner = createFoldRunner();
const hasher = createHasher({ threads: 1 });
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
let bundle: Bundle;
let loaded: LoadedProgram;
beforeAll(async () => {
  hasher.start();
  bundle = await compileModel({ modelBytes: bottleneckModel(), granularity: "block" }, { runner });
  loaded = prepareProgram(bundle, inference, hasher);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  runner.close();
  await inference.stop();
  await hasher.stop();
});

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe("jobs of a program that wait at the same time", () => {
  it("are done together once there are some, with the roots of jobs done one by one", async () => {
    const own = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
    let batches = 0;
    const watched: Inference = { ...own, batch: (...given) => (batches++, own.batch(...given)) };
    const store = createGraphStore(path.join(folder, "batches"), { provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
    const program = prepareProgram(bundle, watched, hasher, { graphs: store });
    const given = Array.from({ length: 24 }, (_, seed) => seededInputs(bundle.program, 1, seed));
    const roots: string[] = [];
    for (const inputs of given) roots.push((await program.execute(inputs)).traceRoot);
    expect(batches).toBe(0);
    const all = async (): Promise<string[]> => (await Promise.all(given.map((inputs) => program.execute(inputs)))).map(({ traceRoot }) => traceRoot);
    // Its graph is made beside the jobs, once for all.
    while (batches === 0) expect(await all()).toEqual(roots);
    for (let round = 0; round < 3; round++) expect(await all()).toEqual(roots);
    expect(batches).toBe(1);
    expect(readdirSync(path.join(folder, "batches"), { recursive: true }).some((file) => /\/batch\.[0-9a-f]{16}-[0-9a-f]{64}\.onnx$/.test(String(file)))).toBe(true);
    await own.stop();
  });
});

describe("a program with inner tensors", () => {
  it("posts its borders only, and takes inputs that are hashed already as they are", async () => {
    const inputs = seededInputs(bundle.program, 1, 8);
    const trace = await loaded.execute(inputs);
    expect(trace.tensors.length).toBe(bundle.program.trace.length);
    const marked = trace.inputs.map((tensor) => ({ ...tensor }));
    const again = await loaded.execute(marked);
    expect(again.traceRoot).toBe(trace.traceRoot);
    expect(again.inputs[0]).toBe(marked[0]);
  });

  it("recomputes each block from the posted tensors that it is given, and from nothing else", async () => {
    const inputs = seededInputs(bundle.program, 2, 8);
    const trace = await loaded.execute(inputs);
    const tensors = trace.tensors.map(({ bytes }) => bytes);
    const own = await loaded.recompute(inputs, tensors);
    expect(own.every((bytes, i) => equal(bytes, tensors[i]!))).toBe(true);
    const changed = new Uint8Array(tensors[0]!);
    new Float32Array(changed.buffer)[0]! += 1;
    const after = await loaded.recompute(inputs, [changed, ...tensors.slice(1)]);
    // The tensor itself follows from the inputs; what reads it follows from the changed one; what comes later from what was posted.
    expect(after.map((bytes, i) => equal(bytes, tensors[i]!))).toEqual(tensors.map((_, i) => i !== 1));
  });

  it("expands each block to an inner trace from which the posted tensors follow bit for bit", async () => {
    const inputs = seededInputs(bundle.program, 3, 8);
    const trace = await loaded.execute(inputs);
    const posted = { inputs, tensors: trace.tensors.map(({ bytes }) => bytes) };
    for (const [blockIndex, { borders, innerCount }] of bundle.program.blocks.entries()) {
      const { tensors, innerRoot, borders: computed } = await loaded.expand(blockIndex, posted);
      expect(tensors.length).toBe(innerCount);
      expect(innerRoot).toBe(listRootOf("inner", tensors.map(({ root }) => root)));
      expect(tensors.map(({ bytes }) => toHex(tensorRoot(bytes)))).toEqual(tensors.map(({ root }) => root));
      expect(tensors.map(({ bytes }) => bytes.length)).toEqual(innerTensors(bundle.program, blockIndex).map((spec) => commitShape(spec).reduce((product, size) => product * size, 4)));
      expect([...computed.keys()]).toEqual(borders);
      for (const [tensor, bytes] of computed) expect(equal(bytes, posted.tensors[tensor]!)).toBe(true);
    }
  });

  it("recomputes the steps of a block from its inner trace, each from what the earlier ones have committed", async () => {
    const inputs = seededInputs(bundle.program, 4, 8);
    const trace = await loaded.execute(inputs);
    const posted = { inputs, tensors: trace.tensors.map(({ bytes }) => bytes) };
    const inner = (await loaded.expand(0, posted)).tensors.map(({ bytes }) => bytes);
    const results = await loaded.recomputeSteps(0, posted, inner);
    expect(results.length).toBe(bundle.program.blocks[0]!.stepCount);
    const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
    const apart = (a: Uint8Array, b: Uint8Array): number => Math.max(...floats(a).map((value, i) => Math.abs(value - floats(b)[i]!)));
    expect(Math.max(...inner.map((bytes, i) => apart(bytes, results[i]!)))).toBeLessThan(1e-4);
    const changed = new Uint8Array(inner[0]!);
    new Float32Array(changed.buffer).fill(5);
    const after = await loaded.recomputeSteps(0, posted, [changed, ...inner.slice(1)]);
    expect(equal(after[0]!, results[0]!)).toBe(true);
    expect(apart(after[1]!, results[1]!)).toBeGreaterThan(0.1);
    expect(equal(after.at(-1)!, results.at(-1)!)).toBe(true);
  });

  it("takes several requests for blocks at once", async () => {
    const inputs = seededInputs(bundle.program, 5, 8);
    const posted = { inputs, tensors: (await loaded.execute(inputs)).tensors.map(({ bytes }) => bytes) };
    const both = await Promise.all([loaded.expand(0, posted), loaded.expand(1, posted), loaded.expand(0, posted)]);
    expect(both.map(({ blockIndex }) => blockIndex)).toEqual([0, 1, 0]);
    expect(both[2]!.innerRoot).toBe(both[0]!.innerRoot);
    await expect(loaded.expand(99, posted)).rejects.toMatchObject({ code: "BLOCK_UNKNOWN" });
    expect((await loaded.expand(0, posted)).innerRoot).toBe(both[0]!.innerRoot);
  });
});

/** The optimised graph sewn together like the executable one, with all its outputs. */
function everythingExposed(program: Program, optimised: Uint8Array): Uint8Array {
  const model = parseModel(optimised);
  const names = new Map(program.trace.flatMap(({ step }, i) => [`in:${step}`, `out:${step}`].map((name) => [name, traceName(i)] as const)));
  const sewn = (name: string): string => names.get(name) ?? name;
  for (const node of model.graph.node) [node.input, node.output] = [node.input.map(sewn), node.output.map(sewn)];
  for (const info of model.graph.output) info.name = sewn(info.name);
  return serializeModel(extractGraph(model, model.graph.output));
}

describe("the executable graph of the shared models", () => {
  const models: [string, Record<string, number[]>][] = [["mnist", {}], ["ultraface-slim-320", {}], ["shufflenet-v2-12-int8", {}], ["multihead-attention", { input: [1, 1, 16, 128] }], ["stories260K", { input_ids: [1, 16] }]];
  for (const [name, shapes] of models) {
    const file = path.join(sharedFolder, "models", name, "model.onnx");
    it.skipIf(!existsSync(file))(`of ${name} gives the same bits with all inner tensors exposed, and block by block`, async () => {
      const model = await compileModel({ modelBytes: new Uint8Array(readFileSync(file)), shapes, granularity: "block" }, { runner });
      const { program } = model;
      const saved = path.join(folder, `${name}.onnx`);
      await optimiseGraph(cutGraph(model), "cut", saved, inference);
      const optimised = new Uint8Array(readFileSync(saved));
      const [input] = [Object.fromEntries(seededInputs(program, 1, 8).map((bytes, i) => [program.inputs[i]!.name, { ...program.inputs[i]!, bytes }]))];
      const run = async (graph: Uint8Array, feeds: Parameters<typeof inference.run>[1]) => {
        const { inputs } = await inference.load("run", graph, { optimization: "disabled" });
        return inference.run("run", Object.fromEntries(inputs.map(({ name: wanted }) => [wanted, feeds[wanted]!])));
      };
      const plain = await run(executableGraph(program, optimised), input!);
      const all = await run(everythingExposed(program, optimised), input!);
      expect(Object.keys(all).length).toBe(program.steps.length);
      program.trace.forEach((_, i) => expect(equal(plain[traceName(i)]!.bytes, all[traceName(i)]!.bytes)).toBe(true));
      const posted = Object.fromEntries(program.trace.map((tensor, i) => [`in:${tensor.step}`, plain[traceName(i)]!]));
      for (const blockIndex of program.blocks.keys()) {
        const alone = await run(blockGraph(program, optimised, blockIndex), { ...input!, ...posted });
        for (const tensor of program.blocks[blockIndex]!.borders) expect(equal(alone[cutOutputName(program.trace[tensor]!.step)]!.bytes, plain[traceName(tensor)]!.bytes)).toBe(true);
      }
    });

    it.skipIf(!existsSync(file))(`of ${name} with every tensor posted, saved as it was optimised, gives the bits of a session of that level`, async () => {
      const model = await compileModel({ modelBytes: new Uint8Array(readFileSync(file)), shapes, granularity: "layer" }, { runner });
      const inputs = seededInputs(model.program, 3, 8);
      const { traceRoot } = await prepareProgram(model, inference, hasher).execute(inputs);
      await inference.load("direct", tracedGraph(model));
      expect((await executeTraced({ program: model.program, tracedKey: "direct", inference, hasher, inputs })).traceRoot).toBe(traceRoot);
    });
  }
});
