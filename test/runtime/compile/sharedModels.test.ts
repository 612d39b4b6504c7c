import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import type { TensorProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { dtypes, stepKinds } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { noise } from "../../support/onnxBuilder.ts";
import { readInputs, sharedFolder } from "../../support/onnxVectors.ts";
import { tensorArray } from "../../support/typedTensor.ts";
import { verifyBundle, type Inputs } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
afterAll(() => runner.close());

const fileOf = (model: string): string => `${sharedFolder}/models/${model}/model.onnx`;

/** The face detector up to the tensors that its Concat nodes join: 42 convolutions, grouped and strided, and views. */
function faceDetectorBackbone(): Uint8Array {
  const model = parseModel(readFileSync(fileOf("ultraface-slim-320")));
  const [example] = model.graph.output;
  const joined = model.graph.node.filter(({ opType, input }) => opType === "Concat" && input.length === 4).flatMap(({ input }) => input);
  model.graph.output = joined.map((name) => {
    const info = structuredClone(example!);
    info.name = name;
    delete info.type!.tensorType!.shape;
    return info;
  });
  return serializeModel(model);
}

describe("shared models", () => {
  it.skipIf(!existsSync(fileOf("ultraface-slim-320")))("the face detector's convolutions become one step each", async () => {
    const modelBytes = faceDetectorBackbone();
    const bundle = await compileModel({ modelBytes }, { runner });
    const { steps, weights, trace } = bundle.program;
    expect(steps.map(({ kind }) => kind)).toEqual(Array.from({ length: 42 }, () => stepKinds.contraction));
    expect(weights.length).toBe(84);
    expect(trace.some(({ perm }) => perm.join() === "0,2,3,1")).toBe(true);
    const report = await verifyBundle(bundle, modelBytes, { input: noise(3 * 240 * 320) }, 40);
    expect(report.elements).toBeGreaterThan(1000);
    expect(report.stepError).toBeLessThan(1e-5);
    expect(report).toMatchObject({ convicted: 0, missed: 0, checkError: 0, outputError: 0 });
  });

  const whole: [string, Record<string, number[]>, number, Partial<Record<keyof typeof stepKinds, number>>][] = [
    ["ultraface-slim-320", {}, 45, { contraction: 42, movement: 2, normalisation: 1 }],
    ["multihead-attention", { input: [1, 1, 16, 128] }, 28, { contraction: 13, map: 8, reduction: 5, normalisation: 2 }],
    ["stories260K", { input_ids: [1, 16] }, 115, { gather: 1, normalisation: 5, movement: 10 }],
    ["shufflenet-v2-12-int8", {}, 127, { contraction: 57, movement: 16, reduction: 2 }],
  ];
  for (const [name, shapes, count, kinds] of whole) {
    it.skipIf(!existsSync(fileOf(name)))(`${name} compiles whole and computes what ONNX Runtime computes`, async () => {
      const modelBytes = readFileSync(fileOf(name));
      const bundle = await compileModel({ modelBytes, shapes }, { runner });
      expect(bundle.program.steps.length).toBe(count);
      for (const [kind, many] of Object.entries(kinds)) expect(bundle.program.steps.filter((step) => step.kind === stepKinds[kind as keyof typeof stepKinds])).toHaveLength(many);
      const given = readInputs(`${sharedFolder}/models/${name}/test_data_set_0`);
      const inputs = Object.fromEntries(bundle.program.inputs.map(({ name: input, dtype, shape }, k) => [input, exampleInput(dtype, shape, given[k])]));
      for (const level of ["disabled", "all"] as const) {
        const report = await verifyBundle(bundle, modelBytes, inputs, 40, level);
        expect(report.elements).toBeGreaterThan(700);
        expect(Math.max(report.stepError, report.checkError, report.outputError)).toBeLessThan(1e-5);
        expect(report).toMatchObject({ convicted: 0, unjudged: [] });
        expect(report.missed).toBeLessThanOrEqual(leftOpen[name] ?? 0);
      }
    });
  }
});

/** The int8 model has dead channels with biases of −2³¹, whose sums leave int32: the judge lets any value of theirs pass. */
const leftOpen: Readonly<Record<string, number>> = { "shufflenet-v2-12-int8": 20 };

/** The published input if it has the compiled shape; noise, or token numbers, otherwise. */
function exampleInput(dtype: number, shape: readonly number[], given: TensorProto | undefined): Inputs[string] {
  const count = shape.reduce((a, b) => a * b, 1);
  if (given !== undefined && given.dims.map(Number).join() === shape.join()) return tensorArray(given);
  return dtype === dtypes.float32 ? noise(count) : BigInt64Array.from({ length: count }, (_, k) => BigInt((k * 37 + 1) % 400));
}
