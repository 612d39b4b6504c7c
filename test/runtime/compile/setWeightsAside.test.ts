import { afterAll, expect, it } from "vitest";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { createFoldRunner, type FoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { compileAndVerify } from "../../support/compileForTest.ts";
import { buildOnnx, floats, int64s, noise, op } from "../../support/onnxBuilder.ts";

const inner = createFoldRunner();
const sent: number[] = [];
const runner: FoldRunner = {
  fold: (model) => (sent.push(model.length), inner.fold(model)),
  types: (model, inputs) => (sent.push(model.length), inner.types(model, inputs)),
  values: (model) => inner.values(model),
  inferredTypes: (model) => inner.inferredTypes(model),
  close: () => inner.close(),
};
afterAll(() => runner.close());

const weight = (name: string, shape: [number, number], seed: number) => floats(name, shape, noise(shape[0] * shape[1], seed));

it("large weights of products and lookups stay out of what ONNX Runtime reads, and come back", async () => {
  const modelBytes = buildOnnx({
    inputs: { x: [2, 512] }, initializers: [weight("w", [512, 640], 3), weight("table", [600, 512], 4), weight("v", [512, 520], 5), int64s("i", [5, 2])],
    nodes: [op("Gather", ["table", "i"], ["rows"]), op("Add", ["x", "rows"], ["s"]), op("MatMul", ["s", "w"], ["a"]), op("MatMul", ["s", "v"], ["b"]), op("Concat", ["a", "b"], ["y"], { axis: { int: 1 } })], outputs: ["y"],
  });
  const { bundle, report } = await compileAndVerify(runner, modelBytes);
  expect(report).toMatchObject({ convicted: 0, missed: 0, checkError: 0 });
  expect(report.outputError).toBeLessThan(1e-5);
  expect(Math.max(...sent)).toBeLessThan(100_000);
  const { graph } = parseModel(bundle.model);
  expect(graph.input.map(({ name }) => name)).toEqual(["x"]);
  expect(graph.initializer.map(({ name }) => name)).toEqual(expect.arrayContaining(["w", "table", "v"]));
});

it("weights that something folds into are sent along", async () => {
  sent.length = 0;
  const modelBytes = buildOnnx({ inputs: { x: [2, 520] }, initializers: [weight("w", [512, 520], 3)], nodes: [op("Transpose", ["w"], ["t"]), op("MatMul", ["x", "t"], ["y"])], outputs: ["y"] });
  const { bundle, report } = await compileAndVerify(runner, modelBytes);
  expect(report).toMatchObject({ convicted: 0, missed: 0 });
  expect(sent[0]).toBeGreaterThan(1_000_000);
  expect(parseModel(bundle.model).graph.node.map(({ opType }) => opType)).toEqual(["MatMul"]);
});
