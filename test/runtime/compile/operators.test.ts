import { afterAll, describe, expect, it } from "vitest";
import { dtypes, stepKinds } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { compileAndVerify } from "../../support/compileForTest.ts";
import { buildOnnx, bytes8, floats, int64s, noise, op, type OnnxModelParts } from "../../support/onnxBuilder.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
afterAll(() => runner.close());

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const weight = (name: string, shape: number[], seed = 7) => floats(name, shape, noise(size(shape), seed));
const small = (name: string, dtype: 2 | 3, shape: number[], seed = 7) => bytes8(name, dtype, shape, noise(size(shape), seed).map((value) => Math.round(value * 100) + (dtype === 2 ? 110 : 0)));
const { contraction, map, reduction, gather, movement } = stepKinds;

/** Compiles, checks every element, and tells the kinds of the steps. */
async function lower(parts: OnnxModelParts) {
  const { bundle, report } = await compileAndVerify(runner, buildOnnx(parts));
  expect(Math.max(report.stepError, report.checkError, report.outputError)).toBeLessThan(1e-5);
  expect(report).toMatchObject({ convicted: 0, missed: 0 });
  return { program: bundle.program, kinds: bundle.program.steps.map(({ kind }) => kind) };
}

describe("movement", () => {
  it("joins more parts than a step has operands in groups, and pads by repeating what is there", async () => {
    const { kinds, program } = await lower({
      inputs: { x: [2, 3] },
      initializers: [int64s("pads", [0, 2, 0, 1]), floats("fill", [], [-2])],
      nodes: [
        op("Concat", Array.from({ length: 11 }, () => "x"), ["joined"], { axis: { int: 1 } }),
        op("Pad", ["joined", "pads", "fill"], ["filled"]),
        op("Pad", ["filled", "pads"], ["y"], { mode: { string: "reflect" } }),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual([movement, movement, movement, movement, gather]);
    for (const { operands } of program.steps) expect(operands.length).toBeLessThanOrEqual(8);
  });

  it("resizes by views, lookups and constant matrices", async () => {
    const resize = (from: string, to: string, scales: string, mode: string) => op("Resize", [from, "", scales], [to], { mode: { string: mode } });
    const { kinds } = await lower({
      inputs: { x: [1, 2, 4, 3] },
      initializers: [floats("double", [4], [1, 1, 2, 2]), floats("odd", [4], [1, 1, 1.5, 1]), floats("half", [4], [1, 1, 0.5, 2])],
      nodes: [resize("x", "a", "double", "nearest"), op("Neg", ["a"], ["b"]), resize("b", "c", "odd", "nearest"), resize("c", "d", "double", "linear"), resize("d", "y", "half", "cubic")],
      outputs: ["y"],
    });
    expect(kinds).toEqual([map, gather, contraction, contraction, contraction, contraction]);
  });

  it("turns a transposed convolution into zeros between the elements and a convolution", async () => {
    const { kinds } = await lower({
      inputs: { x: [1, 4, 3, 4] },
      initializers: [weight("w", [4, 3, 3, 2]), weight("b", [6])],
      nodes: [op("ConvTranspose", ["x", "w", "b"], ["y"], { strides: { ints: [2, 3] }, pads: { ints: [1, 0, 0, 1] }, output_padding: { ints: [1, 0] }, group: { int: 2 } })],
      outputs: ["y"],
    });
    expect(kinds).toEqual([movement, contraction]);
  });
});

describe("bounds and casts of special values", () => {
  const values = Float32Array.of(Infinity, -Infinity, 1, Number.NaN, 3.4e38, -0.5, 2, 7, -3, -0.999, -128.7, 255.5);
  const judged = async (parts: OnnxModelParts, inputs: Record<string, Float32Array>) => {
    const modelBytes = buildOnnx(parts);
    const bundle = await compileModel({ modelBytes }, { runner });
    return { report: await verifyBundle(bundle, modelBytes, inputs) };
  };
  const [low, high] = [floats("low", [], [0]), floats("high", [], [6])];

  it.each<[string, Partial<OnnxModelParts> & Pick<OnnxModelParts, "nodes">]>([
    ["from below", { initializers: [low], nodes: [op("Clip", ["x", "low"], ["y"])] }],
    ["from above", { initializers: [high], nodes: [op("Clip", ["x", "", "high"], ["y"])] }],
    ["from neither side", { nodes: [op("Clip", ["x"], ["y"])] }],
    ["from below, by an attribute", { opset: 10, nodes: [op("Clip", ["x"], ["y"], { min: { float: 0 } })] }],
    ["behind what it is fused into", { initializers: [high], nodes: [op("Neg", ["x"], ["n"]), op("Clip", ["n", "", "high"], ["y"])] }],
  ])("clips infinity and what is no number %s", async (_, parts) => {
    const { report } = await judged({ inputs: { x: [values.length] }, outputs: ["y"], ...parts }, { x: values });
    expect(report.convicted).toBe(0);
    // Infinity and the largest float are both right where a bound is missing.
    expect(report.missed).toBeLessThanOrEqual(1);
  });

  it.each([["uint8", dtypes.uint8], ["int8", dtypes.int8], ["int32", dtypes.int32]] as const)("truncates towards zero what then fits into %s, and convicts another number", async (_, to) => {
    const x = Float32Array.of(-0.5, -0.999, 1.5, 100.9, 0, -128.7);
    const { report } = await judged({ inputs: { x: [x.length] }, nodes: [op("Cast", ["x"], ["y"], { to: { int: to } })], outputs: ["y"], outputTypes: { y: to } }, { x });
    expect(report).toMatchObject({ convicted: 0, missed: to === dtypes.uint8 ? 1 : 0 });
  });
});

describe("integers", () => {
  it("wrap, divide and compare exactly, and are taken in only where wrapping cannot matter", async () => {
    const { program } = await lower({
      inputs: { a: [6], b: [6] },
      inputTypes: { a: dtypes.int32, b: dtypes.int32 },
      initializers: [floats("zero", [], [0])],
      nodes: [
        op("Mul", ["a", "a"], ["aa"]),
        op("Add", ["aa", "b"], ["sum"]),
        op("Abs", ["sum"], ["abs"]),
        op("Less", ["abs", "b"], ["less"]),
        op("Cast", ["abs"], ["real"], { to: { int: dtypes.float32 } }),
        op("Where", ["less", "real", "zero"], ["y"]),
      ],
      outputs: ["y", "abs"],
      outputTypes: { abs: dtypes.int32 },
    });
    expect(program.trace.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual(["sum 6", "abs 6", "less 9", "y 1"]);
  });

  it("are summed by kernels that saturate or wrap, and by doubles, and nobody is convicted for it", async () => {
    const top = 2147483647;
    const rows = [[top, 1, 0, 0], [-top - 1, -1, 0, 0], [top, top, top, top], [16777217, 0, 0, 0], [top, -top - 1, 5, 0], [top, top, -top, -top]];
    const wide = [[2n ** 53n + 1n, 0n, 0n, 0n], [2n ** 63n - 1n, 1n, 0n, 0n], [2n ** 53n + 1n, 2n, 0n, 0n], [2n ** 62n + 1n, 1n, 0n, -(2n ** 62n)]];
    const columns = <T>(of: readonly T[][]): T[] => [0, 1, 2, 3].flatMap((k) => of.map((row) => row[k] as T));
    for (const axis of [0, 1]) {
      const shape = (count: number) => (axis === 0 ? [4, count] : [count, 4]);
      const modelBytes = buildOnnx({
        inputs: { x: shape(rows.length), z: shape(wide.length) },
        inputTypes: { x: dtypes.int32, z: dtypes.int64 },
        initializers: [int64s("axes", [axis])],
        nodes: [op("ReduceSum", ["x", "axes"], ["y"]), op("ReduceSum", ["z", "axes"], ["w"])],
        outputs: ["y", "w"],
        outputTypes: { y: dtypes.int32, w: dtypes.int64 },
      });
      const bundle = await compileModel({ modelBytes }, { runner });
      expect(bundle.program.steps.map(({ kind, op: operation }) => [kind, operation])).toEqual([[reduction, 3], [reduction, 3]]);
      const report = await verifyBundle(bundle, modelBytes, { x: Int32Array.from(axis === 0 ? columns(rows) : rows.flat()), z: BigInt64Array.from(axis === 0 ? columns(wide) : wide.flat()) });
      expect(report).toMatchObject({ convicted: 0, outputError: 0, unjudged: [] });
    }
  });

  it("look up rows by computed and negative indices", async () => {
    const { kinds } = await lower({
      inputs: { i: [2, 3], x: [4, 9] },
      inputTypes: { i: dtypes.int64 },
      initializers: [weight("table", [20, 4])],
      nodes: [op("Gather", ["table", "i"], ["rows"]), op("Relu", ["rows"], ["y"]), op("ArgMax", ["x"], ["top"], { axis: { int: 1 }, keepdims: { int: 0 } }), op("Gather", ["table", "top"], ["z"])],
      outputs: ["y", "z"],
    });
    expect(kinds.toSorted()).toEqual([reduction, gather, gather]);
  });

  it("come from floats by truncation where the type has the number", async () => {
    const modelBytes = buildOnnx({ inputs: { x: [8] }, nodes: [op("Cast", ["x"], ["y"], { to: { int: dtypes.int32 } })], outputs: ["y"], outputTypes: { y: dtypes.int32 } });
    const bundle = await compileModel({ modelBytes }, { runner });
    const report = await verifyBundle(bundle, modelBytes, { x: Float32Array.of(2.9, -2.9, 0.5, -0.5, 2147483520, -2147483648, 3e9, Number.NaN) });
    expect(report).toMatchObject({ stepError: 0, outputError: 0, convicted: 0 });
  });
});

describe("quantised networks", () => {
  const scale = (name: string, value: number) => floats(name, [], [value]);

  it("are one exact sum with its requantisation for each layer", async () => {
    const { program, kinds } = await lower({
      inputs: { x: [1, 3, 6, 6] },
      initializers: [
        scale("sx", 0.02), bytes8("zx", 2, [], [120]), small("w", 3, [4, 3, 3, 3]), floats("sw", [4], [0.01, 0.02, 0.005, 0.01]), bytes8("zw", 3, [4], [0, 0, 0, 0]),
        scale("sy", 0.05), bytes8("zy", 2, [], [100]),
      ],
      nodes: [
        op("QuantizeLinear", ["x", "sx", "zx"], ["q"]),
        op("QLinearConv", ["q", "sx", "zx", "w", "sw", "zw", "sy", "zy"], ["c"], { pads: { ints: [1, 1, 1, 1] } }),
        op("com.microsoft.QLinearAdd", ["c", "sy", "zy", "c", "sy", "zy", "sx", "zx"], ["sum"]),
        op("com.microsoft.QLinearGlobalAveragePool", ["sum", "sx", "zx", "sy", "zy"], ["mean"]),
        op("DequantizeLinear", ["mean", "sy", "zy"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds.slice(0, 3)).toEqual([map, contraction, map]);
    expect(program.steps[1]!.attributes).toHaveLength(64);
    expect(program.steps.slice(0, 3).every(({ result }) => result.dtype === dtypes.uint8)).toBe(true);
  });

  it("quantise their activations while they run", async () => {
    const { kinds } = await lower({
      inputs: { x: [3, 8] },
      initializers: [small("w", 3, [8, 5]), bytes8("zw", 3, [], [3]), scale("sw", 0.01), weight("b", [5])],
      nodes: [
        op("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        op("MatMulInteger", ["q", "w", "z", "zw"], ["m"]),
        op("Cast", ["m"], ["real"], { to: { int: dtypes.float32 } }),
        op("Mul", ["s", "sw"], ["scale"]),
        op("Mul", ["real", "scale"], ["scaled"]),
        op("Add", ["scaled", "b"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toContain(contraction);
  });

  it("fold the weights behind a DequantizeLinear, and take the quantisation behind a layer in", async () => {
    const { kinds } = await lower({
      inputs: { x: [1, 3, 6, 6] },
      initializers: [scale("s", 0.02), bytes8("z", 3, [], [-3]), small("w", 3, [4, 3, 3, 3]), bytes8("none", 3, [], [0])],
      nodes: [
        op("QuantizeLinear", ["x", "s", "z"], ["q"]),
        op("DequantizeLinear", ["q", "s", "z"], ["d"]),
        op("DequantizeLinear", ["w", "s", "none"], ["wd"]),
        op("Conv", ["d", "wd"], ["c"], { pads: { ints: [1, 1, 1, 1] } }),
        op("QuantizeLinear", ["c", "s", "z"], ["cq"]),
        op("DequantizeLinear", ["cq", "s", "z"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual([map, map, contraction, map]);
  });
});

describe("rewritten operators", () => {
  it("normalise layers by means, roots and quotients", async () => {
    const { kinds } = await lower({ inputs: { x: [4, 16] }, initializers: [weight("g", [16]), weight("b", [16], 3)], nodes: [op("LayerNormalization", ["x", "g", "b"], ["y"])], outputs: ["y"] });
    expect(kinds.filter((kind) => kind === reduction)).toHaveLength(2);
  });

  const cell = (kind: "LSTM" | "GRU", gates: number, attributes: Parameters<typeof op>[3]): OnnxModelParts => ({
    inputs: { x: [5, 2, 3] },
    initializers: [weight("w", [2, gates * 4, 3], 1), weight("r", [2, gates * 4, 4], 2), weight("b", [2, 2 * gates * 4], 3), weight("h", [2, 2, 4], 4)],
    nodes: [op(kind, ["x", "w", "r", "b", "", "h"], ["y", "last"], { hidden_size: { int: 4 }, direction: { string: "bidirectional" }, ...attributes })],
    outputs: ["y", "last"],
  });

  it("unroll LSTMs in both directions", async () => {
    await lower(cell("LSTM", 4, {}));
  });

  it.each([0, 1])("unroll GRUs with linear_before_reset %i", async (before) => {
    await lower(cell("GRU", 3, { linear_before_reset: { int: before } }));
  });

  it("write an Einsum as one matrix product", async () => {
    const { kinds } = await lower({ inputs: { a: [2, 3, 4], b: [5, 2, 4] }, nodes: [op("Einsum", ["a", "b"], ["y"], { equation: { string: "bij,kbj->kib" } })], outputs: ["y"] });
    expect(kinds).toEqual([contraction]);
  });

  it("multiply the scales of a Gemm into its constants", async () => {
    const { kinds, program } = await lower({
      inputs: { x: [3, 4] },
      initializers: [weight("w", [4, 2]), weight("c", [2])],
      nodes: [op("Gemm", ["x", "w", "c"], ["y"], { alpha: { float: 0.5 }, beta: { float: 2 } })],
      outputs: ["y"],
    });
    expect(kinds).toEqual([contraction]);
    expect(program.steps[0]!.expression).toHaveLength(0);
  });

  it("stay refused, with the reason, where they cannot be rewritten", async () => {
    const modelBytes = buildOnnx({ inputs: { x: [2, 2, 4], w: [2, 1, 3] }, nodes: [op("ConvTranspose", ["x", "w"], ["y"])], outputs: ["y"] });
    await expect(compileModel({ modelBytes }, { runner })).rejects.toMatchObject({ code: "MODEL_UNSUPPORTED", message: expect.stringContaining("weights are computed at run time") as string });
  });
});
