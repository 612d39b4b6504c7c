import { afterAll, describe, expect, it } from "vitest";
import { create } from "@bufbuild/protobuf";
import { dtypes, stepKinds } from "../../../protocol/program/types.ts";
import { makeValueInfo } from "../../../protocol/onnx/graphs.ts";
import { AttributeProtoSchema, GraphProtoSchema, ValueInfoProtoSchema } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { compileAndVerify } from "../../support/compileForTest.ts";
import { buildOnnx, bytes8, floats, int64s, noise, op, type OnnxModelParts } from "../../support/onnxBuilder.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
afterAll(() => runner.close());

/** Compiles, checks every element, and compares the outputs with those of the plain model. */
async function lower(parts: OnnxModelParts) {
  const { bundle, report } = await compileAndVerify(runner, buildOnnx(parts));
  expect(Math.max(report.stepError, report.checkError, report.outputError)).toBeLessThan(1e-5);
  expect(report).toMatchObject({ convicted: 0, missed: 0 });
  return bundle.program.steps.map(({ kind }) => kind);
}

async function refusal(parts: OnnxModelParts): Promise<string> {
  return compileModel({ modelBytes: buildOnnx(parts) }, { runner }).then(
    () => "compiled",
    (error: Error) => error.message,
  );
}

describe("trigonometry", () => {
  const wide = ["Atan", "Asinh", "Sinh", "Cosh", "Tan"];
  it.each([...wide, "Asin", "Acos", "Atanh"])("writes %s with known operators", async (name) => {
    const modelBytes = buildOnnx({ inputs: { x: [64] }, nodes: [op(name, ["x"], ["y"])], outputs: ["y"] });
    const bundle = await compileModel({ modelBytes }, { runner });
    const x = noise(64, 3).map((value, k) => (wide.includes(name) ? value * 2 ** ((k % 12) - 8) : value));
    if (name === "Atan") x.set([Infinity, -Infinity, 1e30, 2.414214, 0.41421356, 0]);
    const report = await verifyBundle(bundle, modelBytes, { x });
    expect(report).toMatchObject({ convicted: 0, missed: 0 });
    expect(report.outputError).toBeLessThan(name === "Tan" ? 2e-6 : 5e-7);
  });

  it("writes Acosh for numbers from 1 on", async () => {
    const modelBytes = buildOnnx({ inputs: { x: [32] }, nodes: [op("Acosh", ["x"], ["y"])], outputs: ["y"] });
    const report = await verifyBundle(await compileModel({ modelBytes }, { runner }), modelBytes, { x: noise(32, 3).map((value, k) => 1 + Math.abs(value) * 4 ** (k - 10)) });
    expect(report).toMatchObject({ convicted: 0, missed: 0 });
    expect(report.outputError).toBeLessThan(1e-6);
  });
});

describe("indices that are computed", () => {
  const ids = { inputTypes: { i: dtypes.int64 } };

  it("scatter rows, the last update of a row counting", async () => {
    await lower({ inputs: { x: [6, 5], i: [4, 1], u: [4, 5] }, ...ids, nodes: [op("Clip", ["i", "low", "high"], ["j"]), op("ScatterND", ["x", "j", "u"], ["y"])], initializers: [scalar("low", -6), scalar("high", 5)], outputs: ["y"] });
  });

  it("add updates up as one product", async () => {
    const kinds = await lower({ inputs: { x: [6, 5], i: [4, 1], u: [4, 5] }, ...ids, nodes: [op("Clip", ["i", "low", "high"], ["j"]), op("ScatterND", ["x", "j", "u"], ["y"], { reduction: { string: "add" } })], initializers: [scalar("low", -6), scalar("high", 5)], outputs: ["y"] });
    expect(kinds).toContain(stepKinds.contraction);
  });

  it.each(["none", "add", "max", "min"])("scatter elements along an axis (%s)", async (reduction) => {
    await lower({
      inputs: { x: [3, 7, 2], i: [3, 4, 2], u: [3, 4, 2] }, ...ids,
      nodes: [op("Clip", ["i", "low", "high"], ["j"]), op("ScatterElements", ["x", "j", "u"], ["y"], { axis: { int: 1 }, reduction: { string: reduction } })],
      initializers: [scalar("low", -7), scalar("high", 6)], outputs: ["y"],
    });
  });

  it("gather by several indices, in batches too", async () => {
    await lower({ inputs: { x: [3, 7, 2], i: [3, 4, 1] }, ...ids, nodes: [op("Clip", ["i", "low", "high"], ["j"]), op("GatherND", ["x", "j"], ["y"], { batch_dims: { int: 1 } })], initializers: [scalar("low", -7), scalar("high", 6)], outputs: ["y"] });
  });

  it("are refused where they would be compared with too much", async () => {
    expect(await refusal({ inputs: { x: [3000, 2], i: [1000, 1], u: [1000, 2] }, ...ids, nodes: [op("ScatterND", ["x", "i", "u"], ["y"])], outputs: ["y"] })).toContain("compared with 3000000 places");
  });
});

describe("windows and grids", () => {
  it("tell where the largest of each window was", async () => {
    const parts: OnnxModelParts = {
      inputs: { x: [2, 3, 9, 7] }, outputTypes: { i: dtypes.int64 }, outputs: ["y", "i"],
      nodes: [op("MaxPool", ["x"], ["y", "i"], { kernel_shape: { ints: [3, 2] }, strides: { ints: [2, 2] }, pads: { ints: [1, 0, 1, 1] }, dilations: { ints: [2, 1] } })],
    };
    await lower(parts);
  });

  it.each(["zeros", "border", "reflection"])("sample with %s around", async (padding) => {
    const modelBytes = buildOnnx({ inputs: { x: [2, 3, 5, 6], g: [2, 4, 4, 2] }, nodes: [op("GridSample", ["x", "g"], ["y"], { mode: { string: "linear" }, padding_mode: { string: padding } })], outputs: ["y"] });
    const bundle = await compileModel({ modelBytes }, { runner });
    const report = await verifyBundle(bundle, modelBytes, { x: noise(180, 2), g: noise(64, 5).map((value) => 1.7 * value) });
    expect(report).toMatchObject({ convicted: 0, missed: 0 });
    expect(report.outputError).toBeLessThan(1e-5);
    expect(bundle.program.steps.filter(({ kind }) => kind === stepKinds.contraction)).toHaveLength(1);
  });

  it("normalise a batch alone by a convolution of one tap, behind a product in its epilogue", async () => {
    const norm = (x: string, y: string) => op("BatchNormalization", [x, "s", "b", "m", "v"], [y]);
    const initializers = [floats("s", [3], [1, 2, 0.5]), floats("b", [3], [0, 1, -1]), floats("m", [3], [0.1, 0, -0.2]), floats("v", [3], [1, 0.5, 2])];
    expect(await lower({ inputs: { x: [1, 3, 4, 4] }, initializers, nodes: [norm("x", "y"), op("Relu", ["y"], ["z"])], outputs: ["z"] })).toEqual([stepKinds.contraction]);
  });
});

describe("control flow", () => {
  const value = (name: string) => create(ValueInfoProtoSchema, { name });
  const withBody = (node: ReturnType<typeof op>, name: string, body: Parameters<typeof create<typeof GraphProtoSchema>>[1]) => {
    node.attribute.push(create(AttributeProtoSchema, { name, type: 5, g: create(GraphProtoSchema, body) }));
    return node;
  };
  const loop = (cond: ReturnType<typeof op>) =>
    withBody(op("Loop", ["rounds", "", "x"], ["last", "all"]), "body", {
      name: "body", input: [makeValueInfo("i", dtypes.int64, []), makeValueInfo("go", dtypes.bool, []), value("s")], output: [value("on"), value("t"), value("shown")],
      node: [cond, op("Mul", ["s", "w"], ["m"]), op("Tanh", ["m"], ["t"]), op("Add", ["t", "x"], ["shown"])],
    });

  it("writes the body of a loop once for each of a constant number of rounds", async () => {
    const parts: OnnxModelParts = { inputs: { x: [2, 3] }, initializers: [scalar("rounds", 3), floats("w", [3], [1.5, -0.5, 2])], nodes: [loop(op("Identity", ["go"], ["on"]))], outputs: ["last", "all"] };
    expect((await lower(parts)).filter((kind) => kind === stepKinds.map).length).toBeGreaterThanOrEqual(3);
  });

  it("refuses a loop that may end early", async () => {
    const ends = op("Less", ["i", "rounds"], ["on"]);
    expect(await refusal({ inputs: { x: [2, 3] }, initializers: [scalar("rounds", 3), floats("w", [3], [1, 1, 1])], nodes: [loop(ends)], outputs: ["last", "all"] })).toContain("decided at run time");
  });

  it("scans backwards and forwards", async () => {
    const scan = withBody(op("Scan", ["s", "x"], ["last", "all"], { num_scan_inputs: { int: 1 }, scan_input_directions: { ints: [1] }, scan_output_directions: { ints: [1] } }), "body", {
      name: "body", input: [value("a"), value("b")], output: [value("c"), value("d")], node: [op("Add", ["a", "b"], ["c"]), op("Mul", ["c", "b"], ["d"])],
    });
    await lower({ inputs: { s: [3], x: [4, 3] }, nodes: [scan], outputs: ["last", "all"] });
  });
});

describe("old opsets", () => {
  it("are brought to opset 7, with their broadcasting", async () => {
    const modelBytes = buildOnnx({
      opset: 6, irVersion: 3, initializersAsInputs: true, inputs: { x: [1, 3, 4, 5] }, initializers: [floats("b", [3], [1, 2, 3]), floats("slope", [3], [0.1, 0.2, 0.3])],
      nodes: [op("Add", ["x", "b"], ["s"], { broadcast: { int: 1 }, axis: { int: 1 } }), op("PRelu", ["s", "slope"], ["p"]), op("Sigmoid", ["p"], ["y"], { consumed_inputs: { ints: [0] } })], outputs: ["y"],
    });
    expect(Number(parseModel(modelBytes).opsetImport[0]!.version)).toBe(7);
    const { program } = await compileModel({ modelBytes }, { runner });
    expect(program.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(program.steps.map(({ kind }) => kind)).toEqual([stepKinds.map, stepKinds.map]);
  });

  it("stay as they are where the axes are unknown", () => {
    const modelBytes = buildOnnx({ opset: 6, inputs: { x: [1, 3, 4] }, initializers: [floats("b", [3], [1, 2, 3])], nodes: [op("Scan", ["x"], ["z"]), op("Add", ["z", "b"], ["y"], { broadcast: { int: 1 }, axis: { int: 1 } })], outputs: ["y"] });
    expect(Number(parseModel(modelBytes).opsetImport[0]!.version)).toBe(6);
  });
});

it("spreads the scales of blocks over their elements", async () => {
  await lower({
    inputs: { x: [2, 8] }, inputTypes: { x: dtypes.int8 }, initializers: [floats("s", [2, 2], [0.1, 0.2, 0.3, 0.4]), bytes8("z", 3, [2, 2], [1, 2, 3, 4])],
    nodes: [op("DequantizeLinear", ["x", "s", "z"], ["y"], { axis: { int: 1 }, block_size: { int: 4 } })], outputs: ["y"],
  });
});

it("sums integers exactly, and raises them to constant powers", async () => {
  await lower({ inputs: { x: [3, 6] }, inputTypes: { x: dtypes.int64 }, initializers: [scalar("axis", 1), int64s("p", [0, 1, 2, 3, 4, 5])], nodes: [op("CumSum", ["x", "axis"], ["s"], { exclusive: { int: 1 }, reverse: { int: 1 } }), op("Pow", ["s", "p"], ["y"])], outputs: ["y"], outputTypes: { y: dtypes.int64 } });
});

function scalar(name: string, value: number) {
  return { ...int64s(name, [value]), dims: [] };
}
