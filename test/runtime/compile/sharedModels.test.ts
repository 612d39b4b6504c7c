import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { stepKinds } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { noise } from "../../support/onnxBuilder.ts";
import { sharedFolder } from "../../support/onnxVectors.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

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

  const refused: [string, Record<string, number[]>, string[]][] = [
    ["ultraface-slim-320", {}, ["Concat", "Softmax"]],
    ["shufflenet-v2-12-int8", {}, ["QLinearConv", "QuantizeLinear"]],
    ["stories260K", { input_ids: [1, 8] }, ["input", "Gather", "ReduceMean", "Softmax"]],
    ["multihead-attention", { input: [1, 1, 16, 128] }, ["Softmax", "ReduceMean", "Pow"]],
  ];
  for (const [name, shapes, operators] of refused) {
    it.skipIf(!existsSync(fileOf(name)))(`${name} is refused with every operator that is missing`, async () => {
      const error: unknown = await compileModel({ modelBytes: readFileSync(fileOf(name)), shapes }, { runner }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "MODEL_UNSUPPORTED" });
      const missing = (error as { details: { nodes: { op: string }[] } }).details.nodes.map(({ op }) => op);
      expect([...new Set(missing)]).toEqual(expect.arrayContaining(operators));
    });
  }
});
