import { rm } from "node:fs/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestMemory } from "../../../node/createTestMemory.ts";
import { lieInside, expandLying } from "../../../node/lieInside.ts";
import { parseMisbehaviour } from "../../../node/misbehaviour.ts";
import { selfTest } from "../../../node/selfTest.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { sources, type Program, type TraceTensor } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { listRootOf } from "../../../protocol/trees/listTree.ts";
import { seededInputs } from "../../../runtime/audit/seededInputs.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { commitTensors, commitTrace } from "../../../runtime/inference/commitTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { checkTrace } from "../../../runtime/verification/checkTrace.ts";
import { bottleneckModel } from "../../support/bottleneckModel.ts";
import { gatherModel, hiddenGatherModel, remainderModel } from "../../support/gatherModel.ts";

const hasher = createHasher({ threads: 1 });
const logger = silentLogger();
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger });
const other = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger });
let bundle: Bundle;
let watcher: LoadedProgram;
let executor: LoadedProgram;
let honest: Trace;

beforeAll(async () => {
  hasher.start();
  const runner = createFoldRunner();
  bundle = await compileModel({ modelBytes: bottleneckModel(), granularity: "block" }, { runner });
  runner.close();
  watcher = prepareProgram(bundle, inference, hasher);
  executor = prepareProgram(bundle, other, hasher);
  honest = await executor.execute(seededInputs(bundle.program, 1, 8));
});
afterAll(async () => {
  await Promise.all([inference.stop(), other.stop(), hasher.stop()]);
});

/** A step inside of a block in the middle. */
const insideStep = (): number => bundle.program.steps.findIndex(({ result, blockIndex }) => result.source === sources.inner && blockIndex === 1);
const innerOf = (trace: Trace, asked: number[] = []) => async (block: number): Promise<CommittedTensor[]> => {
  asked.push(block);
  return (await executor.expand(block, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) })).tensors;
};

describe("checkTrace of a program with blocks", () => {
  it("looks into no block of equal floats, and finds all blocks of other floats sound", async () => {
    const same = await watcher.execute(honest.inputs);
    expect(await checkTrace(watcher, same.inputs, same.tensors)).toEqual({ differing: 0, judged: 0, opened: [] });
    const asked: number[] = [];
    const report = await checkTrace(watcher, honest.inputs, honest.tensors, { inner: innerOf(honest, asked) });
    expect(report.finding).toBeUndefined();
    expect(report.opened.length).toBeGreaterThan(0);
    expect(report.judged).toBe(report.differing);
    expect(asked.toSorted()).toEqual(report.opened.toSorted());
  });

  it("leaves blocks alone that are within the tolerance", async () => {
    const asked: number[] = [];
    expect(await checkTrace(watcher, honest.inputs, honest.tensors, { inner: innerOf(honest, asked), tolerance: 2 ** -16 })).toEqual({ differing: 0, judged: 0, opened: [] });
    expect(asked).toEqual([]);
  });

  it("runs no block again whose inputs are the checker's own, and all blocks where one reads another tensor", async () => {
    let runs = 0;
    const counting: LoadedProgram = {
      ...watcher,
      recompute: (...given) => {
        runs += 1;
        return watcher.recompute(...given);
      },
    };
    const own = await watcher.execute(honest.inputs);
    const outputs = new Set(honest.outputs);
    const read = honest.tensors.map(({ root }, i) => (outputs.has(i) ? root : own.tensors[i]!.root));
    expect(read).not.toEqual(own.tensors.map(({ root }) => root));
    // Another output from the same border tensors: what is right follows from the own execution.
    const mixed = own.tensors.map((tensor, i) => (outputs.has(i) ? honest.tensors[i]! : tensor));
    const report = await checkTrace(counting, honest.inputs, mixed, { own: own.tensors, tolerance: 2 ** -16 });
    expect(report).toEqual({ differing: 0, judged: 0, opened: [] });
    expect(runs).toBe(0);
    await checkTrace(counting, honest.inputs, honest.tensors, { own: own.tensors, tolerance: 2 ** -16 });
    expect(runs).toBe(1);
    const false_ = mixed.map((tensor, i) => (outputs.has(i) ? { ...tensor, bytes: new Uint8Array(new Float32Array(tensor.bytes.slice().buffer).map((value, k) => (k === 3 ? value + 1 : value)).buffer) } : tensor));
    const lying = await commitTrace(bundle.program, honest.inputs, false_.map(({ bytes }) => bytes), hasher);
    const { finding } = await checkTrace(counting, lying.inputs, lying.tensors, { own: own.tensors, inner: innerOf(lying), tolerance: 2 ** -16 });
    expect(finding).toMatchObject({ element: 3 });
    expect(runs).toBe(1);
  });

  it("finds a lie that is told inside of a block, and asks for that block only", async () => {
    const step = insideStep();
    const how = parseMisbehaviour(`step=${step}/77`);
    const lying = await lieInside(executor, honest, how, hasher);
    expect(lying.traceRoot).not.toBe(honest.traceRoot);
    const asked: number[] = [];
    const inner = async (block: number): Promise<CommittedTensor[]> => {
      asked.push(block);
      return (await expandLying(executor, lying, block, how, hasher)).tensors;
    };
    const { finding } = await checkTrace(watcher, lying.inputs, lying.tensors, { inner, tolerance: 2 ** -16 });
    expect(finding).toMatchObject({ stepIndex: step, element: 77 });
    expect(finding?.inner?.length).toBe(bundle.program.blocks[1]!.innerCount);
    expect(asked).toEqual([1]);
    // Whoever answers with the inner trace that an honest run has contradicts what was posted.
    const denied = await checkTrace(watcher, lying.inputs, lying.tensors, { inner: innerOf(lying), tolerance: 2 ** -16 });
    expect(bundle.program.steps[denied.finding!.stepIndex]).toMatchObject({ blockIndex: 1, result: { source: sources.trace } });
  });

  it("finds a posted tensor that does not follow from what is inside", async () => {
    const tensors = honest.tensors.map(({ bytes }) => new Uint8Array(bytes));
    new Float32Array(tensors[1]!.buffer)[5]! += 1;
    const lying = await commitTrace(bundle.program, honest.inputs, tensors, hasher);
    const { finding } = await checkTrace(watcher, lying.inputs, lying.tensors, { inner: innerOf(lying) });
    expect(finding).toMatchObject({ stepIndex: bundle.program.trace[1]!.step, element: 5 });
  });

  it("says which block cannot be looked into, unless another one shows enough", async () => {
    const tensors = honest.tensors.map(({ bytes }) => new Uint8Array(bytes));
    new Float32Array(tensors[0]!.buffer)[5]! += 10;
    new Float32Array(tensors[1]!.buffer)[5]! += 1;
    const lying = await commitTrace(bundle.program, honest.inputs, tensors, hasher);
    const refusing = (...blocks: number[]) => async (block: number): Promise<CommittedTensor[]> => {
      if (blocks.includes(block)) throw new Error("not served");
      return innerOf(lying)(block);
    };
    await expect(checkTrace(watcher, lying.inputs, lying.tensors, { inner: refusing(0, 1, 2, 3) })).rejects.toMatchObject({ code: "INNER_TRACE_UNAVAILABLE", retryable: true, details: { block: 0 } });
    await expect(checkTrace(watcher, lying.inputs, lying.tensors)).rejects.toMatchObject({ code: "INNER_TRACE_UNAVAILABLE" });
    expect((await checkTrace(watcher, lying.inputs, lying.tensors, { inner: refusing(0) })).finding).toMatchObject({ stepIndex: bundle.program.trace[1]!.step, element: 5 });
  });
});

describe("checkTrace of numbers on which ONNX Runtime fails", () => {
  const compiled = async (modelBytes: Uint8Array, granularity: Granularity): Promise<{ program: Program; judge: LoadedProgram; trace: Trace }> => {
    const runner = createFoldRunner();
    const made = await compileModel({ modelBytes, granularity }, { runner });
    runner.close();
    return { program: made.program, judge: prepareProgram(made, inference, hasher), trace: await prepareProgram(made, other, hasher).execute(seededInputs(made.program, 1, 8)) };
  };
  const named = (tensors: readonly TraceTensor[], name: string): number => tensors.findIndex((tensor) => tensor.name === name);
  const filled = (list: readonly CommittedTensor[], lies: Record<number, bigint | number>): Promise<CommittedTensor[]> =>
    commitTensors(
      list.map(({ bytes }, i) => {
        const lie = lies[i];
        if (lie === undefined) return bytes;
        const made = new Uint8Array(bytes.length);
        if (typeof lie === "bigint") new BigInt64Array(made.buffer).fill(lie);
        else new Float32Array(made.buffer).fill(lie);
        return made;
      }),
      hasher,
    );

  it.each([["best", gatherModel, { best: 1000n, rows: 42 }], ["divisor", () => remainderModel("Div"), { divisor: 0n, y: 42 }], ["divisor", () => remainderModel("Mod"), { divisor: 0n, y: 42 }]] as const)("finds a false %s where every step is posted", async (name, model, lies) => {
    const { program, judge, trace } = await compiled(model(), "layer");
    const claimed = await filled(trace.tensors, Object.fromEntries(Object.entries(lies).map(([tensor, lie]) => [named(program.trace, tensor), lie])));
    const own = await judge.execute(trace.inputs);
    await expect(judge.recompute(trace.inputs.map(({ bytes }) => bytes), claimed.map(({ bytes }) => bytes))).rejects.toMatchObject({ code: expect.stringMatching(/^INFERENCE_(FAILED|CRASHED)$/) });
    for (const options of [{}, { own: own.tensors }]) {
      const { finding } = await checkTrace(judge, trace.inputs, claimed, options);
      expect(finding).toMatchObject({ stepIndex: program.trace[named(program.trace, name)]!.step, claimed: Number(lies[name as keyof typeof lies]) });
    }
  });

  it("finds a false index among posted tensors, whoever reads it", async () => {
    const { program, judge, trace } = await compiled(gatherModel(), "block");
    const index = named(program.trace, "best");
    const { step } = program.trace[index]!;
    const { blockIndex } = program.steps[step]!;
    // A later block cannot be run on it.
    expect(program.steps.some((reader) => reader.blockIndex > blockIndex && reader.operands.some((operand) => operand.source === sources.trace && operand.index === index))).toBe(true);
    const claimed = await filled(trace.tensors, { [index]: 1000n, [named(program.trace, "y")]: 42 });
    const inner = async (block: number): Promise<CommittedTensor[]> => (await judge.expand(block, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) })).tensors;
    const { finding, opened } = await checkTrace(judge, trace.inputs, claimed, { inner, tolerance: 2 ** -16, own: (await judge.execute(trace.inputs)).tensors });
    expect(finding).toMatchObject({ stepIndex: step, claimed: 1000 });
    expect(opened).toEqual([blockIndex]);
  });

  it("finds a false index inside of a block", async () => {
    const { program, judge, trace } = await compiled(hiddenGatherModel(), "block");
    const claimed = await filled(trace.tensors, { 0: 42 });
    const inside = await judge.expand(0, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) });
    const inner = await filled(inside.tensors, { [named(program.inner, "best")]: 1000n, [named(program.inner, "rows")]: 7 });
    const { finding } = await checkTrace(judge, trace.inputs, claimed, { inner: async () => inner, tolerance: 2 ** -16 });
    expect(finding).toMatchObject({ stepIndex: program.inner[named(program.inner, "best")]!.step, claimed: 1000, inner });
  });

  it("finds nothing in honest floats part by part either, nor where a part cannot be run at all", async () => {
    const fail = async (): Promise<never> => {
      throw new GainsayError("It cannot be run.", { code: "INFERENCE_FAILED" });
    };
    const given = { inner: innerOf(honest), tolerance: 2 ** -16 };
    const whole = { ...watcher, recompute: fail };
    expect(await checkTrace(whole, honest.inputs, honest.tensors, given)).toEqual({ differing: 0, judged: 0, opened: [] });
    const parts: LoadedProgram = { ...whole, recomputeSteps: fail, expand: (block, ...rest) => (block === 2 ? fail() : watcher.expand(block, ...rest)), recomputeStep: (step, ...rest) => (step === insideStep() ? fail() : watcher.recomputeStep(step, ...rest)) };
    const report = await checkTrace(parts, honest.inputs, honest.tensors, given);
    expect(report.finding).toBeUndefined();
    expect(report.opened.at(-1)).toBe(2);
    await expect(checkTrace({ ...watcher, recompute: async () => Promise.reject(new GainsayError("Stopped.", { code: "INFERENCE_STOPPED" })) }, honest.inputs, honest.tensors, given)).rejects.toMatchObject({ code: "INFERENCE_STOPPED" });
  });
});

describe("the self-test of a program with blocks", () => {
  it("looks into every block", async () => {
    const expanded: number[] = [];
    const watched: LoadedProgram = { ...executor, expand: (block, ...rest) => (expanded.push(block), executor.expand(block, ...rest)) };
    await expect(selfTest(watched)).resolves.toMatchObject({ differing: expect.any(Number) });
    expect(new Set(expanded)).toEqual(new Set(bundle.program.blocks.keys()));
  });

  it("refuses a machine on which a block by itself gives other bits than in a run of the whole", async () => {
    const strayed: LoadedProgram = { ...executor, expand: (...args) => watcher.expand(...args) };
    await expect(selfTest(strayed)).rejects.toMatchObject({ code: "BLOCK_DIFFERS", details: { block: expect.any(Number) } });
  });

  it("refuses a machine whose kernels are wrong inside of a block", async () => {
    const wrong: LoadedProgram = {
      ...executor,
      async expand(block, ...rest) {
        const honestly = await executor.expand(block, ...rest);
        const tensors = honestly.tensors.map((tensor, i) => {
          if (block !== 1 || i !== 0) return tensor;
          const bytes = new Uint8Array(tensor.bytes);
          new Float32Array(bytes.buffer)[0]! += 1;
          return { ...tensor, bytes };
        });
        return { ...honestly, tensors };
      },
    };
    await expect(selfTest(wrong)).rejects.toMatchObject({ code: "KERNEL_FAULT" });
  });

  describe("with what it remembers", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "gainsay-tested-"));
    const memory = createTestMemory(folder);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    /** The program, counting how often steps are computed again, which only judging needs. */
    const counted = (loaded: LoadedProgram): { loaded: LoadedProgram; judged: () => number } => {
      let count = 0;
      return { loaded: { ...loaded, recomputeSteps: (...args) => (count++, loaded.recomputeSteps(...args)) }, judged: () => count };
    };

    it("judges bits once, and other bits again", async () => {
      const first = counted(executor);
      expect(await selfTest(first.loaded, { memory })).toMatchObject({ recalled: false });
      expect(first.judged()).toBeGreaterThan(0);
      const again = counted(executor);
      expect(await selfTest(again.loaded, { memory })).toMatchObject({ recalled: true });
      expect(again.judged()).toBe(0);
      const other = counted(watcher);
      expect(await selfTest(other.loaded, { memory })).toMatchObject({ recalled: false });
      expect(other.judged()).toBeGreaterThan(0);
    });

    it("expands no block where the very graph that was tested is kept, and every block where another one gives the same bits", async () => {
      const kept = (graph: string): { loaded: LoadedProgram; expanded: () => number; judged: () => number } => {
        let count = 0;
        const { loaded, judged } = counted(executor);
        return { loaded: { ...loaded, graphName: async () => graph, expand: (...args) => (count++, executor.expand(...args)) }, expanded: () => count, judged };
      };
      await rm(folder, { recursive: true, force: true });
      await selfTest(kept("setting/graph").loaded, { memory });
      const again = kept("setting/graph");
      expect(await selfTest(again.loaded, { memory })).toMatchObject({ recalled: true });
      expect([again.expanded(), again.judged()]).toEqual([0, 0]);
      const moved = kept("another/graph");
      expect(await selfTest(moved.loaded, { memory })).toMatchObject({ recalled: true });
      expect([moved.expanded(), moved.judged()]).toEqual([bundle.program.blocks.length, 0]);
      const settled = kept("another/graph");
      expect(await selfTest(settled.loaded, { memory })).toMatchObject({ recalled: true });
      expect(settled.expanded()).toBe(0);
    });

    it("does not take for judged what is different inside of one block only", async () => {
      await selfTest(executor, { memory });
      const wrong: LoadedProgram = {
        ...executor,
        async expand(block, ...rest) {
          const honestly = await executor.expand(block, ...rest);
          if (block !== 1) return honestly;
          const bytes = honestly.tensors.map((tensor) => new Uint8Array(tensor.bytes));
          new Float32Array(bytes[0]!.buffer)[0]! += 1;
          const tensors = await commitTensors(bytes, hasher);
          return { ...honestly, tensors, innerRoot: listRootOf("inner", tensors.map(({ root }) => root)) };
        },
      };
      await expect(selfTest(wrong, { memory })).rejects.toMatchObject({ code: "KERNEL_FAULT" });
    });

    it.each([["damaged", "{"], ["of other sources", JSON.stringify({ sources: "0", differing: 0, traceRoot: `0x${"00".repeat(32)}`, innerRoots: [] })]])("tests again where the record is %s", async (_, text) => {
      await selfTest(executor, { memory });
      writeFileSync(path.join(folder, `${bundle.program.root}.json`), text);
      expect(await selfTest(executor, { memory })).toMatchObject({ recalled: false });
      expect(await selfTest(executor, { memory })).toMatchObject({ recalled: true });
    });

    it("does without a folder that cannot be written", async () => {
      const file = path.join(folder, "file");
      writeFileSync(file, "");
      expect(await selfTest(executor, { memory: createTestMemory(path.join(file, "below")) })).toMatchObject({ recalled: false });
    });
  });
});
