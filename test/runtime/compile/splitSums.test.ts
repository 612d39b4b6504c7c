import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { operandReader } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { stepKinds } from "../../../protocol/program/types.ts";
import { seededInputs } from "../../../runtime/audit/seededInputs.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { buildOnnx, floats, noise, op, type OnnxModelParts } from "../../support/onnxBuilder.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
const hasher = createHasher();
hasher.start();
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
afterAll(async () => {
  runner.close();
  await inference.stop();
  await hasher.stop();
});

const weight = (name: string, shape: number[], seed = 5) => floats(name, shape, noise(shape.reduce((a, b) => a * b, 1), seed));

/** Terms of each contraction of a model that is split, after every element was checked. */
async function terms(parts: OnnxModelParts, splitSums: number): Promise<number[]> {
  const modelBytes = buildOnnx(parts);
  const bundle = await compileModel({ modelBytes, splitSums }, { runner });
  const inputs = Object.fromEntries(bundle.program.inputs.map(({ name, shape }, k) => [name, noise(shape.reduce((a, b) => a * b, 1), k + 1)]));
  const report = await verifyBundle(bundle, modelBytes, inputs);
  expect(report).toMatchObject({ convicted: 0, missed: 0 });
  expect(Math.max(report.outputError, report.checkError)).toBeLessThan(1e-5);
  return bundle.program.steps.filter(({ kind }) => kind === stepKinds.contraction).map(({ reduce }) => reduce.reduce((a, b) => a * b, 1));
}

describe("long sums in parts", () => {
  it("are cut evenly in products of either form", async () => {
    expect(await terms({ inputs: { a: [3, 100], b: [2, 100, 5] }, nodes: [op("MatMul", ["a", "b"], ["y"])], outputs: ["y"] }, 40)).toEqual([33, 34, 33]);
    const gemm = { inputs: { x: [100, 3] }, initializers: [weight("w", [7, 100]), weight("c", [7])], nodes: [op("Gemm", ["x", "w", "c"], ["g"], { transA: { int: 1 }, transB: { int: 1 } }), op("Relu", ["g"], ["y"])], outputs: ["y"] };
    expect(await terms(gemm, 50)).toEqual([50, 50]);
    expect(await terms({ ...gemm, opset: 8 }, 20)).toEqual([20, 20, 20, 20, 20]);
  });

  it("are cut along the channels of a convolution, and many are added in groups", async () => {
    const conv = { inputs: { x: [1, 32, 5, 5] }, initializers: [weight("w", [4, 32, 3, 3]), weight("b", [4])], nodes: [op("Conv", ["x", "w", "b"], ["y"], { pads: { ints: [1, 1, 1, 1] } })], outputs: ["y"] };
    expect(await terms(conv, 36)).toEqual(Array.from({ length: 8 }, () => 36));
  });

  it("refuse parts of a few terms", async () => {
    const modelBytes = buildOnnx({ inputs: { x: [1, 4] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] });
    await expect(compileModel({ modelBytes, splitSums: 8 }, { runner })).rejects.toMatchObject({ code: "SPLIT_SUMS" });
  });

  it("have bounds that together are several times narrower", async () => {
    const modelBytes = new Uint8Array(readFileSync(new URL("../../../models/digits/digits.onnx", import.meta.url)));
    const slack = async (splitSums?: number): Promise<number> => {
      const bundle = await compileModel({ modelBytes, ...(splitSums === undefined ? {} : { splitSums }) }, { runner });
      const loaded = prepareProgram(bundle, inference, hasher);
      const trace = await loaded.execute(seededInputs(bundle.program, 1, 2));
      const tensors = { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() };
      return bundle.program.steps.reduce((sum, step, index) => {
        if (!bundle.program.nodes[index]!.some((name) => name.startsWith("hidden"))) return sum;
        const claimed = elementReader(trace.tensors[step.result.index]!.bytes, step.result.dtype);
        const count = step.result.shape.reduce((a, b) => a * b, 1);
        const widths = Array.from({ length: count }, (_, element) => judgeElement(step, operandReader(step, tensors), element, claimed(element))).map(({ lo, hi, fraud }) => (fraud ? Number.NaN : floatOf(hi) - floatOf(lo)));
        return sum + Math.max(...widths);
      }, 0);
    };
    expect(await slack(98)).toBeLessThan((await slack()) / 5);
  });
});

function floatOf(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}
