import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blockAt, definedTensor, innerTensors, stepsOf } from "../../../protocol/program/blocks.ts";
import { sources, stepKinds, type Program } from "../../../protocol/program/types.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { checkProgram } from "../../../runtime/bundle/checkProgram.ts";
import { programToJson } from "../../../runtime/bundle/programJson.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { bottleneckModel } from "../../support/bottleneckModel.ts";
import { buildOnnx, floats, noise, op } from "../../support/onnxBuilder.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
let blocks: Bundle;
let layers: Bundle;
beforeAll(async () => {
  blocks = await compileModel({ modelBytes: bottleneckModel(), granularity: "block" }, { runner });
  layers = await compileModel({ modelBytes: bottleneckModel(), granularity: "layer" }, { runner });
});
afterAll(() => runner.close());

const bytesOf = (program: Program, step: number): number => definedTensor(program, step).shape.reduce((product, size) => product * size, 4);

describe("blocks", () => {
  it("are single steps at granularity layer, with nothing inside", () => {
    const { program } = layers;
    expect(program.blocks).toEqual(program.steps.map((_, index) => ({ firstStep: index, stepCount: 1, borders: [index], innerCount: 0 })));
    expect(program.inner).toEqual([]);
    expect(programToJson(program)).not.toContain('"inner":');
  });

  it("divide the same steps, and post only what other blocks read and the outputs", () => {
    const { program } = blocks;
    expect(program.steps.map(({ kind }) => kind)).toEqual(layers.program.steps.map(({ kind }) => kind));
    expect(program.blocks.length).toBeGreaterThan(1);
    expect(program.trace.length).toBeLessThan(program.steps.length / 2);
    const readElsewhere = new Set(program.outputs.map(({ trace }) => program.trace[trace]!.step));
    for (const { operands, blockIndex } of program.steps) {
      for (const { source, index } of operands) {
        if (source !== sources.trace) continue;
        const { step } = program.trace[index]!;
        if (program.steps[step]!.blockIndex !== blockIndex) readElsewhere.add(step);
      }
    }
    expect(new Set(program.trace.map(({ step }) => step))).toEqual(readElsewhere);
    expect(checkProgram(program)).toBeUndefined();
  });

  it("number inner tensors from 0 in each block, in the order of the steps", () => {
    const { program } = blocks;
    for (const [blockIndex, { firstStep, stepCount, innerCount, borders }] of program.blocks.entries()) {
      const steps = stepsOf(program, blockIndex);
      expect(steps.map(([index]) => index)).toEqual(Array.from({ length: stepCount }, (_, i) => firstStep + i));
      const inside = steps.filter(([, { result }]) => result.source === sources.inner);
      expect(inside.map(([, { result }]) => result.index)).toEqual(Array.from({ length: innerCount }, (_, i) => i));
      expect(innerTensors(program, blockIndex).map(({ step }) => step)).toEqual(inside.map(([index]) => index));
      expect(borders.map((tensor) => program.trace[tensor]!.step)).toEqual(steps.filter(([, { result }]) => result.source === sources.trace).map(([index]) => index));
      expect(steps.every(([, step]) => step.blockIndex === blockIndex)).toBe(true);
    }
    expect(() => blockAt(program, program.blocks.length)).toThrow(expect.objectContaining({ code: "BLOCK_UNKNOWN" }));
  });

  it("end after contractions, at narrow tensors", () => {
    const { program } = blocks;
    for (const { firstStep, stepCount } of program.blocks.slice(0, -1)) {
      const last = firstStep + stepCount - 1;
      expect(program.steps[last]!.kind).toBe(stepKinds.contraction);
      expect(bytesOf(program, last)).toBe(2 * 16 * 16 * 4);
    }
  });

  it("are not cut where hashing would cost too much of the run", async () => {
    // One wide product after the other: each tensor takes longer to hash than to compute.
    const nodes = Array.from({ length: 6 }, (_, i) => op("MatMul", [i === 0 ? "x" : `m${i - 1}`, "w"], [`m${i}`]));
    const modelBytes = buildOnnx({ inputs: { x: [256, 8] }, initializers: [floats("w", [8, 8], noise(64))], nodes, outputs: ["m5"] });
    const { program } = await compileModel({ modelBytes, granularity: "block" }, { runner });
    expect(program.blocks).toEqual([{ firstStep: 0, stepCount: 6, borders: [0], innerCount: 5 }]);
  });

  it("are the same each time", async () => {
    const again = await compileModel({ modelBytes: bottleneckModel(), granularity: "block" }, { runner });
    expect(again.program.root).toBe(blocks.program.root);
  });

  it("hold the steps that the graph computes", async () => {
    const report = await verifyBundle(blocks, bottleneckModel(), { x: noise(3 * 16 * 16, 5) }, 60, "all");
    expect(report.elements).toBeGreaterThan(500);
    expect(Math.max(report.stepError, report.checkError, report.outputError)).toBeLessThan(1e-5);
    expect(report).toMatchObject({ convicted: 0, missed: 0, unjudged: [] });
  });
});

describe("checkProgram of blocks", () => {
  const changed = (change: (program: Program) => void): string | undefined => {
    const program = structuredClone(blocks.program);
    change(program);
    return checkProgram(program);
  };
  const readerOfInner = (program: Program) => program.steps.find(({ operands }) => operands.some(({ source }) => source === sources.inner))!;

  it("notices tables that do not fit", () => {
    expect(changed(() => undefined)).toBeUndefined();
    expect(changed(({ inner }) => inner.pop())).toContain("one tensor for each step");
    expect(changed(({ inner }) => inner.reverse())).toContain("inner tensor in its place");
    expect(changed(({ trace }) => trace.reverse())).toContain("trace tensor in its place");
    expect(changed(({ steps }) => (steps[1]!.blockIndex = 5))).toContain("next block");
    expect(changed(({ steps }) => (steps[0]!.result.source = sources.weight))).toContain("no tensor of a trace");
  });

  it("notices a step that reads what is inside of another block, or what comes later", () => {
    expect(
      changed((program) => {
        const last = program.blocks.length - 1;
        const [, step] = stepsOf(program, last).at(-1)!;
        const foreign = innerTensors(program, 0)[0]!;
        step.operands[0] = { ...step.operands[0]!, source: sources.inner, index: program.blocks[last]!.innerCount, elements: foreign.shape.reduce((a, b) => a * b, 1) };
      }),
    ).toContain("operand 0");
    expect(changed((program) => (readerOfInner(program).operands.find(({ source }) => source === sources.inner)!.index = 1_000))).toContain("is not the tensor it names");
    expect(
      changed((program) => {
        const step = program.steps[0]!;
        step.operands[0] = { ...step.operands[0]!, source: sources.trace, index: program.trace.length - 1, elements: program.trace.at(-1)!.shape.reduce((a, b) => a * b, 1) };
      }),
    ).toContain("operand 0 of step 0");
  });
});
