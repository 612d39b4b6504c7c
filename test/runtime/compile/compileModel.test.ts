import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { floatValues } from "../../../protocol/onnx/tensors.ts";
import { roles, stepKinds } from "../../../protocol/program/types.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { compileAndVerify } from "../../support/compileForTest.ts";
import { buildOnnx, floats, int64s, noise, op, type OnnxModelParts } from "../../support/onnxBuilder.ts";
import { readInputs, sharedFolder } from "../../support/onnxVectors.ts";
import { verifyBundle } from "../../support/verifyBundle.ts";

const runner = createFoldRunner();
afterAll(() => runner.close());

const weight = (name: string, shape: number[], seed = 7) => floats(name, shape, noise(shape.reduce((a, b) => a * b, 1), seed));

/** Compiles, checks every element, and tells the kinds of the steps. */
async function lower(parts: OnnxModelParts) {
  const { bundle, report } = await compileAndVerify(runner, buildOnnx(parts));
  expect(report.stepError).toBeLessThan(1e-5);
  expect(report.checkError).toBeLessThan(1e-6);
  expect(report.outputError).toBeLessThan(1e-5);
  expect(report).toMatchObject({ convicted: 0, missed: 0 });
  return { program: bundle.program, kinds: bundle.program.steps.map(({ kind }) => Object.keys(stepKinds).find((key) => stepKinds[key as keyof typeof stepKinds] === kind)) };
}

async function failure(modelBytes: Uint8Array, shapes: Record<string, number[]> = {}): Promise<GainsayError> {
  return compileModel({ modelBytes, shapes }, { runner }).then(
    () => expect.fail("the model was compiled"),
    (error: unknown) => (error instanceof GainsayError ? error : expect.fail(String(error))),
  );
}

describe("fusion", () => {
  it("takes bias, scale, shift, clip and sigmoid into the convolution before them", async () => {
    const { program, kinds } = await lower({
      inputs: { x: [1, 3, 8, 8], r: [1, 4, 8, 8] },
      initializers: [weight("w", [4, 3, 3, 3]), weight("b", [4]), weight("s", [4, 1, 1]), floats("half", [], [0.5]), floats("zero", [], [0]), floats("six", [], [6])],
      nodes: [
        op("Conv", ["x", "w", "b"], ["c"], { pads: { ints: [1, 1, 1, 1] } }),
        op("Add", ["r", "c"], ["sum"]),
        op("Mul", ["sum", "s"], ["scaled"]),
        op("Sub", ["scaled", "half"], ["shifted"]),
        op("Clip", ["shifted", "zero", "six"], ["clipped"]),
        op("Sigmoid", ["clipped"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction"]);
    expect(program.steps[0]!.operands.map(({ role }) => role)).toEqual([roles.factor, roles.factor, roles.addend, roles.addend, roles.value]);
    expect(program.nodes[0]).toHaveLength(6);
  });

  it("commits a value that two nodes read, and adds it back inside the exact sum", async () => {
    const { program, kinds } = await lower({
      inputs: { x: [1, 4, 6, 6] },
      initializers: [weight("w1", [4, 4, 3, 3], 1), weight("w2", [4, 4, 3, 3], 2)],
      nodes: [
        op("Conv", ["x", "w1"], ["a"], { pads: { ints: [1, 1, 1, 1] } }),
        op("Relu", ["a"], ["ra"]),
        op("Conv", ["ra", "w2"], ["b"], { pads: { ints: [1, 1, 1, 1] } }),
        op("Add", ["b", "ra"], ["sum"]),
        op("Relu", ["sum"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction", "contraction"]);
    expect(program.trace[0]!.perm).toEqual([0, 2, 3, 1]);
    expect(program.steps[1]!.operands.map(({ role }) => role)).toEqual([roles.factor, roles.factor, roles.addend]);
  });

  it("commits what two elementwise nodes read, and what is an output besides", async () => {
    const nodes = [op("MatMul", ["x", "w"], ["m"]), op("Relu", ["m"], ["r"]), op("Exp", ["r"], ["e"]), op("Neg", ["e"], ["n"])];
    const parts = { inputs: { x: [2, 3] }, initializers: [weight("w", [3, 3])] };
    const shared = await lower({ ...parts, nodes: [...nodes, op("Tanh", ["r"], ["t"])], outputs: ["n", "t"] });
    expect(shared.program.trace.map(({ name }) => name).sort()).toEqual(["n", "r", "t"]);
    const shown = await lower({ ...parts, nodes, outputs: ["e", "n"] });
    expect(shown.program.trace.map(({ name }) => name)).toEqual(["e", "n"]);
    expect(shown.kinds).toEqual(["contraction", "map"]);
  });

  it("keeps one of two sums and commits the other", async () => {
    const { kinds } = await lower({
      inputs: { x: [2, 5] },
      initializers: [weight("w1", [5, 3], 1), weight("w2", [5, 3], 2)],
      nodes: [op("MatMul", ["x", "w1"], ["a"]), op("MatMul", ["x", "w2"], ["b"]), op("Mul", ["a", "b"], ["y"])],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction", "contraction"]);
  });

  it("makes one map of an elementwise chain and an epilogue of what follows a pooling", async () => {
    const { kinds, program } = await lower({
      inputs: { x: [1, 2, 6, 6] },
      nodes: [
        op("Exp", ["x"], ["e"]),
        op("Neg", ["e"], ["n"]),
        op("Tanh", ["n"], ["t"]),
        op("MaxPool", ["t"], ["m"], { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, pads: { ints: [1, 1, 0, 0] } }),
        op("Abs", ["m"], ["a"]),
        op("Sqrt", ["a"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["map", "reduction"]);
    expect(program.steps[0]!.operands).toHaveLength(1);
  });

  it("cuts a chain that would have too many operands", async () => {
    const names = Array.from({ length: 12 }, (_, k) => `x${k}`);
    const { program } = await lower({
      inputs: Object.fromEntries(names.map((name) => [name, [3]])),
      nodes: names.slice(1).map((name, k) => op("Mul", [k === 0 ? "x0" : `p${k - 1}`, name], [`p${k}`])),
      outputs: ["p10"],
    });
    expect(program.steps.length).toBe(2);
    for (const step of program.steps) expect(step.operands.length).toBeLessThanOrEqual(8);
  });

  it("cuts the epilogue of a sum that would have too many operands", async () => {
    const names = Array.from({ length: 9 }, (_, k) => `x${k}`);
    const { kinds } = await lower({
      inputs: Object.fromEntries(names.map((name) => [name, [2, 3]])),
      initializers: [weight("w", [3, 3])],
      nodes: [op("MatMul", ["x0", "w"], ["p0"]), ...names.slice(1).map((name, k) => op("Mul", [`p${k}`, name], [`p${k + 1}`]))],
      outputs: ["p8"],
    });
    expect(kinds).toEqual(["contraction", "map"]);
  });

  it("cuts an expression that would need too deep a stack", async () => {
    // Each level keeps one more operand waiting below it.
    const nodes = Array.from({ length: 24 }, (_, k) => op("Sub", ["x", k === 0 ? "x" : `d${k - 1}`], [`d${k}`]));
    const { program } = await lower({ inputs: { x: [4] }, nodes, outputs: ["d23"] });
    expect(program.steps.length).toBeGreaterThan(1);
  });

  it("takes a value that a formula needs twice only bare", async () => {
    const { kinds } = await lower({
      inputs: { x: [2, 4] },
      initializers: [weight("w", [4, 4]), floats("three", [], [3]), floats("slope", [4], [0.1, 2, -1, 0])],
      nodes: [op("MatMul", ["x", "w"], ["m"]), op("LeakyRelu", ["m"], ["l"], { alpha: { float: 0.2 } }), op("Mul", ["l", "three"], ["k"]), op("PRelu", ["k", "slope"], ["y"])],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction", "map"]);
  });
});

describe("layouts and views", () => {
  it("splits the channels of a grouped convolution and reads it channels last", async () => {
    const { program, kinds } = await lower({
      inputs: { x: [2, 4, 7, 6] },
      initializers: [weight("w1", [8, 2, 3, 2], 1), weight("b1", [8], 2), weight("w2", [3, 8, 2, 2], 3), weight("w3", [3, 1, 2, 2], 4)],
      nodes: [
        op("Conv", ["x", "w1", "b1"], ["a"], { group: { int: 2 }, strides: { ints: [2, 1] }, dilations: { ints: [1, 2] }, pads: { ints: [1, 0, 2, 1] } }),
        op("Conv", ["a", "w2"], ["b"]),
        op("Conv", ["b", "w3"], ["y"], { group: { int: 3 }, auto_pad: { string: "SAME_LOWER" } }),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction", "contraction", "contraction"]);
    expect(program.trace.map(({ perm }) => perm)).toEqual([[0, 2, 3, 1], [0, 1, 2, 3], [0, 1, 2, 3]]);
    expect(program.steps[0]!.result.shape).toEqual([2, 4, 5, 2, 4]);
    expect(program.weights.find(({ name }) => name === "w2")!.perm).toEqual([0, 2, 3, 1]);
    const [factor] = program.steps[1]!.operands;
    expect(factor!.access.reduceStrides).toEqual([40, 8, 1]);
  });

  it("computes attention scores with the contracted axis last and no copies of heads", async () => {
    const heads = (name: string, out: string): ReturnType<typeof op>[] => [op("Reshape", [name, "split"], [`${name}s`]), op("Transpose", [`${name}s`], [out], { perm: { ints: [0, 2, 1, 3] } })];
    const { program, kinds } = await lower({
      inputs: { x: [1, 5, 6] },
      initializers: [weight("wq", [6, 6], 1), weight("wk", [6, 6], 2), weight("wv", [6, 6], 3), int64s("split", [0, 0, 2, 3]), int64s("join", [0, 0, 6]), floats("scale", [], [0.5])],
      nodes: [
        op("MatMul", ["x", "wq"], ["q"]),
        op("MatMul", ["x", "wk"], ["k"]),
        op("MatMul", ["x", "wv"], ["v"]),
        ...heads("q", "qh"),
        ...heads("k", "kh"),
        ...heads("v", "vh"),
        op("Transpose", ["kh"], ["kt"], { perm: { ints: [0, 1, 3, 2] } }),
        op("MatMul", ["qh", "kt"], ["scores"]),
        op("Mul", ["scores", "scale"], ["scaled"]),
        op("Sigmoid", ["scaled"], ["p"]),
        op("MatMul", ["p", "vh"], ["o"]),
        op("Transpose", ["o"], ["ot"], { perm: { ints: [0, 2, 1, 3] } }),
        op("Reshape", ["ot", "join"], ["y"]),
      ],
      outputs: ["y"],
    });
    expect(kinds).toEqual(["contraction", "contraction", "contraction", "contraction", "contraction"]);
    const values = program.trace.find(({ name }) => name === "v")!;
    expect(values.perm).toEqual([0, 2, 1]);
    for (const step of program.steps) for (const { role, access } of step.operands) if (role === roles.factor) expect(access.reduceStrides.at(-1)).toBe(1);
    expect(program.outputs[0]!.trace).toBe(4);
  });

  it("flattens a tensor that was committed in another order", async () => {
    const { program } = await lower({
      inputs: { x: [1, 2, 5, 5] },
      initializers: [weight("w1", [4, 2, 2, 2], 1), weight("w2", [4, 4, 2, 2], 2), weight("m", [64, 3], 3)],
      nodes: [
        op("Conv", ["x", "w1"], ["a"]),
        op("Conv", ["a", "w2"], ["b"]),
        op("Flatten", ["a"], ["f"]),
        op("MatMul", ["f", "m"], ["y"]),
      ],
      outputs: ["y", "b"],
    });
    expect(program.trace.find(({ name }) => name === "a")!.perm).toEqual([0, 2, 3, 1]);
    expect(program.steps.some(({ operands }) => operands.some(({ access }) => access.stages.length === 1))).toBe(true);
  });

  it("sees slices, splits, tiles and expansions as views", async () => {
    const { kinds } = await lower({
      inputs: { x: [4, 6] },
      initializers: [int64s("starts", [5, 3]), int64s("ends", [-100, 0]), int64s("axes", [1, 0]), int64s("steps", [-2, -1]), int64s("sizes", [1, 2]), int64s("twice", [2, 3]), int64s("wide", [2, 9, 4]), int64s("axis0", [0])],
      nodes: [
        op("Slice", ["x", "starts", "ends", "axes", "steps"], ["s"]),
        op("Split", ["s", "sizes"], ["p", "q"], { axis: { int: 0 } }),
        op("Tile", ["q", "twice"], ["t"]),
        op("Transpose", ["t"], ["tt"]),
        op("Unsqueeze", ["tt", "axis0"], ["u"]),
        op("Expand", ["u", "wide"], ["e"]),
        op("Exp", ["e"], ["y"]),
        op("Neg", ["p"], ["z"]),
      ],
      outputs: ["y", "z"],
    });
    expect(kinds).toEqual(["map", "map"]);
  });

  it("gives every output a trace tensor of its own", async () => {
    const { program, kinds } = await lower({
      inputs: { x: [2, 3] },
      initializers: [weight("w", [3, 3]), int64s("flat", [-1]), floats("c", [2], [1, 2])],
      nodes: [
        op("MatMul", ["x", "w"], ["m"]),
        op("Transpose", ["m"], ["t"]),
        op("Reshape", ["m", "flat"], ["f"]),
        op("Transpose", ["x"], ["xt"]),
        op("Identity", ["c"], ["k"]),
      ],
      outputs: ["t", "f", "xt", "k"],
    });
    expect(kinds).toEqual(["contraction", "map", "map", "map"]);
    expect(new Set(program.header.outputs).size).toBe(4);
  });
});

describe("whole models", () => {
  it("gives the same program and bytes each time, in one process of ONNX Runtime or another", async () => {
    const modelBytes = buildOnnx({ inputs: { x: [1, 3, 8, 8] }, initializers: [weight("w", [4, 3, 3, 3])], nodes: [op("Conv", ["x", "w"], ["c"]), op("Relu", ["c"], ["y"])], outputs: ["y"] });
    const first = await compileModel({ modelBytes }, { runner });
    const other = createFoldRunner();
    const second = await compileModel({ modelBytes }, { runner: other });
    other.close();
    expect(second.program.root).toBe(first.program.root);
    expect(Buffer.from(second.model).equals(first.model)).toBe(true);
  });

  it("treats initialisers listed among the inputs as constants", async () => {
    const { program } = await lower({ inputs: { x: [2, 3] }, initializers: [weight("w", [3, 2])], initializersAsInputs: true, nodes: [op("MatMul", ["x", "w"], ["y"])], outputs: ["y"] });
    expect(program.inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  it("folds shape arithmetic once the symbolic dimensions are given", async () => {
    const modelBytes = buildOnnx({
      inputs: { x: ["batch", 2, 3] },
      initializers: [int64s("zero", [0]), int64s("rest", [-1]), weight("w", [6, 2])],
      nodes: [
        op("Shape", ["x"], ["shape"]),
        op("Gather", ["shape", "zero"], ["n"]),
        op("Concat", ["n", "rest"], ["target"], { axis: { int: 0 } }),
        op("Reshape", ["x", "target"], ["flat"]),
        op("MatMul", ["flat", "w"], ["y"]),
      ],
      outputs: ["y"],
    });
    const bundle = await compileModel({ modelBytes, shapes: { x: [4, 2, 3] } }, { runner });
    expect(bundle.program.steps.map(({ result }) => result.shape)).toEqual([[4, 2]]);
    expect(await verifyBundle(bundle, modelBytes, { x: noise(24) })).toMatchObject({ convicted: 0, missed: 0 });
    const other = await compileModel({ modelBytes, shapes: { x: [5, 2, 3] } }, { runner });
    expect(other.program.root).not.toBe(bundle.program.root);
  });

  const mnist = `${sharedFolder}/models/mnist`;
  it.skipIf(!existsSync(mnist))("compiles the MNIST model to five steps and finds its digits", async () => {
    const modelBytes = readFileSync(`${mnist}/model.onnx`);
    const bundle = await compileModel({ modelBytes }, { runner });
    expect(bundle.program.steps.map(({ kind }) => kind)).toEqual([1, 3, 1, 3, 1]);
    for (let digit = 0; digit < 3; digit++) {
      const [input] = readInputs(`${mnist}/test_data_set_${digit}`);
      const report = await verifyBundle(bundle, modelBytes, { Input3: floatValues(input!) });
      expect(report).toMatchObject({ steps: 5, checkError: 0, convicted: 0, missed: 0 });
      expect(Math.max(report.stepError, report.outputError)).toBeLessThan(1e-5);
    }
  });
});

describe("refusals", () => {
  it("name every node in the way at once", async () => {
    const error = await failure(
      buildOnnx({
        inputs: { x: [4, "k"] },
        nodes: [op("Hardmax", ["x"], ["s"]), op("Det", ["x"], ["d"]), op("ReduceMax", ["s"], ["m"]), op("NonZero", ["s"], ["f"])],
        outputs: ["d", "m", "f"],
        outputTypes: { f: 7 },
      }),
      { x: [4, 4] },
    );
    expect(error.code).toBe("MODEL_UNSUPPORTED");
    const nodes = error.details.nodes as { node: string; op: string; reason: string }[];
    expect(nodes.map(({ node }) => node).sort()).toEqual(["Det:d", "NonZero:f"]);
    expect(error.message).toContain("NonZero");
  });

  it("list attributes and types that cannot be lowered, node by node", async () => {
    const error = await failure(
      buildOnnx({
        inputs: { x: [1, 1, 4, 4] },
        nodes: [
          op("MaxPool", ["x"], ["y", "indices"], { kernel_shape: { ints: [2, 2] }, storage_order: { int: 1 } }),
          op("Cast", ["indices"], ["i"], { to: { int: 1 } }),
          op("AveragePool", ["x"], ["z"], { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, ceil_mode: { int: 1 }, count_include_pad: { int: 1 } }),
        ],
        outputs: ["y", "z", "i"],
      }),
    );
    expect(error.code).toBe("MODEL_UNSUPPORTED");
    expect((error.details.nodes as { op: string }[]).map((item) => item.op)).toEqual(["MaxPool", "AveragePool"]);
  });

  it("refuse inputs that are not float32, and weights that are not finite beside padding", async () => {
    expect((await failure(buildOnnx({ inputs: { x: [2] }, inputType: 11, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] }))).code).toMatch(/MODEL_(UNSUPPORTED|REJECTED)/);
    const infinite = floats("w", [1, 1, 3], [1, Infinity, 1]);
    const conv = (pads: number[]) => buildOnnx({ inputs: { x: [1, 1, 5] }, initializers: [infinite], nodes: [op("Conv", ["x", "w"], ["y"], { pads: { ints: pads } })], outputs: ["y"] });
    expect((await failure(conv([1, 1]))).message).toContain("must be finite constants");
    expect((await compileModel({ modelBytes: conv([0, 0]) }, { runner })).program.steps).toHaveLength(1);
    const computed = buildOnnx({ inputs: { x: [1, 1, 5], w: [1, 1, 3] }, nodes: [op("Conv", ["x", "w"], ["y"], { pads: { ints: [1, 1] } })], outputs: ["y"] });
    expect((await failure(computed)).message).toContain("must be finite constants");
  });

  it("ask for shapes that are missing, and refuse those that do not fit", async () => {
    const model = buildOnnx({ inputs: { x: ["batch", 3], z: ["batch", "n"] }, nodes: [op("Concat", ["x", "z"], ["y"], { axis: { int: 1 } })], outputs: ["y"] });
    const missing = await failure(model);
    expect(missing.code).toBe("MODEL_SHAPE");
    expect(missing.message).toContain('"x" [batch, 3], "z" [batch, n]');
    expect((await failure(model, { x: [1, 3] })).message).not.toContain('"x" [');
    expect((await failure(model, { x: [1, 4], z: [1, 1] })).message).toContain("does not fit");
    expect((await failure(model, { x: [1, 3], z: [2, 1] })).message).toContain('"batch" cannot be both');
    expect((await failure(model, { w: [1] })).message).toContain('no input "w"');
    expect((await failure(model, { x: [0, 3], z: [1, 1] })).message).toContain("positive integers");
  });

  it("refuse element types on which ONNX Runtime aborts before it sees them", async () => {
    const model = buildOnnx({ inputs: { x: [2, 2] }, nodes: [op("Cast", ["x"], ["q"], { to: { int: 22 } }), op("Cast", ["q"], ["y"], { to: { int: 1 } })], outputs: ["y"] });
    const error = await failure(model);
    expect(error.code).toBe("MODEL_UNSUPPORTED");
    expect(error.message).toContain("element type 22");
  });

  it("survive a crash of ONNX Runtime and go on with a new process", async () => {
    const crash = buildOnnx({ inputs: { x: [2, 2] }, nodes: [op("Cast", ["x"], ["q"], { to: { int: 22 } })], outputs: ["q"] });
    await expect(runner.types(crash, [{ name: "x", type: "float32", shape: [2, 2] }])).rejects.toMatchObject({ code: expect.stringMatching(/^(RUNTIME_CRASHED|MODEL_REJECTED)$/) as string });
    const fine = buildOnnx({ inputs: { x: [2] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] });
    expect((await compileModel({ modelBytes: fine }, { runner })).program.steps).toHaveLength(1);
  });

  it("say so when the process of ONNX Runtime is killed in the middle of work", async () => {
    const lonely = createFoldRunner();
    const work = lonely.fold(buildOnnx({ inputs: { x: [2] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] }));
    lonely.close();
    await expect(work).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  });

  it("refuse names that traces use", async () => {
    expect((await failure(buildOnnx({ inputs: { "trace:0": [2] }, nodes: [op("Relu", ["trace:0"], ["y"])], outputs: ["y"] }))).code).toBe("MODEL_NAMES");
  });
});
