import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../protocol/hex.ts";
import type { Program } from "../../../protocol/program/types.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { commitTrace } from "../../../runtime/inference/commitTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { decodeOutput, elementsSeen } from "../../../runtime/inference/decodeOutput.ts";
import { executeTraced } from "../../../runtime/inference/traceExecution.ts";
import { floats, reluModel, tracedModel, tracedProgram } from "./smallModels.ts";

const quiet = () => undefined;
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
const hasher = createHasher({ threads: 1 });
const program = tracedProgram();
const input = floats(-1, 2, -3, 4, -5, 6);

beforeAll(async () => {
  hasher.start();
  await inference.load("traced", tracedModel());
  await inference.load("other", reluModel(1, [2, 3]));
});
afterAll(async () => {
  await inference.stop();
  await hasher.stop();
});

describe("executeTraced", () => {
  it("commits to inputs, trace and outputs as the protocol says", async () => {
    const trace = await executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [input] });
    const relu = floats(0, 2, 0, 4, 0, 6);
    const squared = floats(1, 16, 4, 25, 9, 36);
    expect(trace.tensors.map((tensor) => new Uint8Array(tensor.bytes))).toEqual([relu, squared]);
    expect(trace.tensors.map((tensor) => tensor.root)).toEqual([toHex(tensorRoot(relu)), toHex(tensorRoot(squared))]);
    expect(new Uint8Array(trace.tensors[1]!.leaves)).toEqual(new Uint8Array(tensorLeaves(squared)));
    const roots = (...tensors: Uint8Array[]) => new Uint8Array(Buffer.concat(tensors.map(tensorRoot)));
    expect(trace.programRoot).toBe(program.root);
    expect(trace.inputRoot).toBe(toHex(listRoot("inputs", roots(input))));
    expect(trace.traceRoot).toBe(toHex(listRoot("trace", roots(relu, squared))));
    expect(trace.outputRoot).toBe(toHex(listRoot("outputs", roots(squared))));
    expect(fromHex(trace.traceRoot)).toHaveLength(32);
    expect(trace.outputs).toEqual([1]);
    const output = decodeOutput(program, 0, trace.tensors[trace.outputs[0]!]!.bytes);
    expect(output).toEqual({ name: "squared", dtype: 1, shape: [2, 3], data: Float32Array.of(1, 4, 9, 16, 25, 36) });
  });

  it("reads the bytes of a tensor when they are asked for, of a copy of the object too", async () => {
    let read = 0;
    const held = [floats(0, 2, 0, 4, 0, 6), floats(1, 16, 4, 25, 9, 36)].map((bytes) => ({ dtype: 1 as const, shape: [2, 3], byteLength: bytes.length, read: () => (read++, bytes), peek: () => bytes }));
    const { tensors } = await executeTraced({ program, tracedKey: "traced", inference: { hold: async () => ({ names: ["trace:0", "trace:1"], outputs: held, release: () => undefined }) }, hasher, inputs: [input] });
    expect(read).toBe(0);
    expect({ ...tensors[0]! }.bytes).toEqual(floats(0, 2, 0, 4, 0, 6));
    expect(tensors[0]!.bytes).toEqual(floats(0, 2, 0, 4, 0, 6));
    expect(read).toBe(1);
  });

  it("has large tensors hashed where they lie, and reads them when they are asked for", async () => {
    const columns = 100_000;
    await inference.load("large", tracedModel(columns));
    const values = Float32Array.from({ length: 2 * columns }, (_, i) => (i % 1999) - 999);
    const executions = await Promise.all(Array.from({ length: 3 }, () => executeTraced({ program: tracedProgram(columns), tracedKey: "large", inference, hasher, inputs: [new Uint8Array(values.buffer)] })));
    const relu = new Uint8Array(values.map((value) => Math.max(value, 0)).buffer);
    const squared = new Uint8Array(Float32Array.from({ length: 2 * columns }, (_, i) => (values[(i % 2) * columns + (i >> 1)] as number) ** 2).buffer);
    for (const { tensors, release } of executions) {
      expect(tensors.map(({ root }) => root)).toEqual([toHex(tensorRoot(relu)), toHex(tensorRoot(squared))]);
      expect(Buffer.compare(tensors[1]!.leaves, tensorLeaves(squared))).toBe(0);
      expect(Buffer.compare(tensors[0]!.bytes, relu)).toBe(0);
      release?.();
      expect(Buffer.compare(tensors[0]!.bytes, relu)).toBe(0);
      expect(() => tensors[1]!.bytes).toThrow(expect.objectContaining({ code: "OUTPUTS_RELEASED" }) as Error);
    }
  });

  it("gives up outputs that cannot be hashed, also where another tensor is wrong already", async () => {
    const columns = 100_000;
    const lost = { dtype: 1 as const, shape: [2, columns], byteLength: 8 * columns, read: () => new Uint8Array(8 * columns), peek: () => new Uint8Array(8 * columns), file: () => ({ fd: -1, at: 0, byteLength: 8 * columns }) };
    for (const [other, code] of [[lost, "HASHER_FAILED"], [{ ...lost, dtype: 6 as const }, "TRACE_MISMATCH"]] as const) {
      let released = 0;
      const hold = async () => ({ names: ["trace:0", "trace:1"], outputs: [lost, other], release: () => void released++ });
      await expect(executeTraced({ program: tracedProgram(columns), tracedKey: "lost", inference: { hold }, hasher, inputs: [new Uint8Array(8 * columns)] })).rejects.toMatchObject({ code });
      expect(released).toBe(1);
    }
  });

  it("refuses a graph that is not the program's", async () => {
    await expect(executeTraced({ program, tracedKey: "other", inference, hasher, inputs: [input] })).rejects.toMatchObject({ code: "TRACE_MISMATCH" });
    const longer: Program = { ...program, trace: program.trace.map((tensor) => ({ ...tensor, shape: [2, 4] })) };
    await expect(executeTraced({ program: longer, tracedKey: "traced", inference, hasher, inputs: [input] })).rejects.toMatchObject({ code: "TRACE_MISMATCH", details: { wanted: 32, given: 24 } });
    const integers: Program = { ...program, trace: program.trace.map((tensor) => ({ ...tensor, dtype: 6 as const })) };
    const bfloats: Program = { ...program, trace: program.trace.map((tensor) => ({ ...tensor, dtype: 16 as const, shape: [2, 4] })) };
    await expect(executeTraced({ program: bfloats, tracedKey: "traced", inference, hasher, inputs: [input] })).rejects.toMatchObject({ code: "TRACE_MISMATCH", details: { wanted: 16, given: 12 } });
    await expect(executeTraced({ program: integers, tracedKey: "traced", inference, hasher, inputs: [input] })).rejects.toThrow(/as float32, but the program has int32/);
  });

  it("refuses inputs of another number or length", async () => {
    await expect(executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [] })).rejects.toMatchObject({ code: "INPUT_MISMATCH" });
    await expect(executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [input.subarray(4)] })).rejects.toMatchObject({ code: "INPUT_MISMATCH" });
    await expect(executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [input, input] })).rejects.toMatchObject({ code: "TRACE_MISMATCH" });
    await expect(commitTrace(program, [input, input], [input, input], hasher)).rejects.toMatchObject({ code: "TRACE_MISMATCH" });
  });

  it("stops when it is called off", async () => {
    await expect(executeTraced({ program, tracedKey: "traced", inference, hasher, inputs: [input], signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "INFERENCE_ABORTED" });
  });
});

describe("decodeOutput", () => {
  it("follows offsets, negative strides, broadcasts and stages", () => {
    expect([...elementsSeen({ offset: 5, outStrides: [-3, 1], reduceStrides: [], windows: [], stages: [] }, [2, 2])]).toEqual([5, 6, 2, 3]);
    expect([...elementsSeen({ offset: 1, outStrides: [0, 2], reduceStrides: [], windows: [], stages: [] }, [2, 2])]).toEqual([1, 3, 1, 3]);
    expect([...elementsSeen({ offset: 7, outStrides: [], reduceStrides: [], windows: [], stages: [] }, [])]).toEqual([7]);
    // Row-major index into [2, 3], read as its transpose.
    expect([...elementsSeen({ offset: 0, outStrides: [1], reduceStrides: [], windows: [], stages: [{ offset: 0, shape: [2, 3], strides: [1, 2] }] }, [6])]).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it("agrees with a literal reading of the protocol for any access", () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 3 });
    fc.assert(
      fc.property(dims, fc.integer({ min: 0, max: 9 }), dims, fc.array(fc.integer({ min: -3, max: 5 }), { minLength: 6, maxLength: 6 }), (shape, offset, stageShape, numbers) => {
        const outStrides = shape.map((_, k) => Math.abs(numbers[k]!));
        const stage = { offset: 4, shape: stageShape, strides: stageShape.map((_, k) => numbers[k + 3]!) };
        const expected: number[] = [];
        const count = shape.reduce((a, b) => a * b, 1);
        for (let i = 0; i < count; i++) {
          let rest = i;
          let linear = offset;
          for (let k = shape.length - 1; k >= 0; k--) {
            linear += (rest % shape[k]!) * outStrides[k]!;
            rest = Math.floor(rest / shape[k]!);
          }
          let element = stage.offset;
          for (let k = stageShape.length - 1; k >= 0; k--) {
            element += (linear % stageShape[k]!) * stage.strides[k]!;
            linear = Math.floor(linear / stageShape[k]!);
          }
          expected.push(element);
        }
        expect([...elementsSeen({ offset, outStrides, reduceStrides: [], windows: [], stages: [stage] }, shape)]).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses bytes of another length, outputs that do not exist and reads outside the tensor", () => {
    expect(() => decodeOutput(program, 0, new Uint8Array(23))).toThrow(/must have 24 bytes/);
    expect(() => decodeOutput(program, 1, new Uint8Array(24))).toThrow(/there is no output 1/);
    const broken: Program = { ...program, outputs: [{ ...program.outputs[0]!, access: { offset: 1, outStrides: [1, 2], reduceStrides: [], windows: [], stages: [] } }] };
    expect(() => decodeOutput(broken, 0, new Uint8Array(24))).toThrow(/outside its committed tensor/);
  });
});
