import { afterAll, beforeAll, expect, it } from "vitest";
import { operandReader } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { dtypeBytes, dtypes } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { buildOnnx, floats, op } from "../../support/onnxBuilder.ts";

const runner = createFoldRunner();
const hasher = createHasher({ threads: 1 });
const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
beforeAll(() => hasher.start());
afterAll(async () => {
  runner.close();
  await inference.stop();
  await hasher.stop();
});

/** Runs a model with every rewrite that an executor's graph may have, and counts the elements that the judge calls fraud. */
async function convicted(modelBytes: Uint8Array, inputs: readonly (Float32Array | BigInt64Array)[]): Promise<number> {
  const bundle = await compileModel({ modelBytes, granularity: "layer" }, { runner });
  const loaded = prepareProgram(bundle, inference, hasher);
  const trace = await loaded.execute(inputs.map((values) => new Uint8Array(values.buffer)));
  const tensors = { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() };
  return bundle.program.steps.reduce((count, step) => {
    const { bytes } = trace.tensors[step.result.index]!;
    const [read, claimed] = [operandReader(step, tensors), elementReader(bytes, step.result.dtype)];
    return count + Array.from({ length: bytes.length / dtypeBytes[step.result.dtype] }, (_, element) => judgeElement(step, read, element, claimed(element))).filter(({ fraud }) => fraud).length;
  }, 0);
}

it.each([["Mul", 0.125], ["Div", 8]] as const)("the product of matrices that are scaled by %s is that of the scaled ones", async (operator, scale) => {
  const model = buildOnnx({ inputs: { q: [2, 4], k: [4, 3] }, initializers: [floats("s", [], [scale])], nodes: [op(operator, ["q", "s"], ["a"]), op("MatMul", ["a", "k"], ["y"])], outputs: ["y"] });
  // Unscaled it is beyond the largest float.
  expect(await convicted(model, [Float32Array.of(1e20, 1e20, 1e20, 1e20, 1, 2, 3, 4), new Float32Array(12).fill(2e18)])).toBe(0);
});

it("attention of one column a head stays within its bound", async () => {
  const model = buildOnnx({ inputs: { q: [1, 1, 64, 1], k: [1, 1, 64, 1], v: [1, 1, 64, 1] }, nodes: [op("Attention", ["q", "k", "v"], ["y"], { scale: { float: 0.3 } })], outputs: ["y"], opset: 23 });
  let seed = 5;
  const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff;
  for (let round = 0; round < 3; round++) expect(await convicted(model, Array.from({ length: 3 }, () => Float32Array.from({ length: 64 }, () => (random() - 0.5) * 8)))).toBe(0);
});

it("a bool that is not committed is 0 or 1", async () => {
  const [bool, int64] = [{ to: { int: dtypes.bool } }, { to: { int: dtypes.int64 } }];
  const inputs = { inputs: { x: [4], z: [4] }, inputTypes: { x: dtypes.int64, z: dtypes.int64 } };
  const numbers = [BigInt64Array.of(0n, 1n, 2n, -3n), BigInt64Array.of(1n, 1n, 1n, 1n)];
  const counted = buildOnnx({ ...inputs, nodes: [op("Cast", ["x"], ["b"], bool), op("Cast", ["b"], ["n"], int64), op("Add", ["n", "z"], ["y"])], outputs: ["y"], outputTypes: { y: dtypes.int64 } });
  expect(await convicted(counted, numbers)).toBe(0);
  const compared = buildOnnx({ ...inputs, nodes: [op("Cast", ["x"], ["b"], bool), op("Cast", ["z"], ["c"], bool), op("Equal", ["b", "c"], ["y"])], outputs: ["y"], outputTypes: { y: dtypes.bool } });
  expect(await convicted(compared, numbers)).toBe(0);
});
