import { create } from "@bufbuild/protobuf";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { batchGraph } from "../../../protocol/lowering/batching/batchGraph.ts";
import { GraphProtoSchema, ModelProtoSchema, type NodeProto, type TensorProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../../protocol/onnx/graphs.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";
import { createArena } from "../../../runtime/inference/alignedMemory.ts";
import { fixShapes } from "../../../runtime/compile/fixShapes.ts";
import { compareBatch, jobInput, plainOptions, runtime } from "../../support/compareBatch.ts";
import { frozenVectors, type FrozenVector } from "../../support/compileForTest.ts";
import { onnxVectors, sharedFolder } from "../../support/onnxVectors.ts";
import { createNativeSession } from "../../../runtime/inference/nativeSession.ts";

const [FLOAT, INT64] = [1, 7];

function model(inputs: Record<string, readonly number[]>, nodes: readonly NodeProto[], outputs: Record<string, readonly number[]>, constants: readonly TensorProto[] = [], dtype = FLOAT): Uint8Array {
  const declare = (values: Record<string, readonly number[]>) => Object.entries(values).map(([name, shape]) => makeValueInfo(name, dtype, shape));
  const graph = create(GraphProtoSchema, { name: "small", input: declare(inputs), node: nodes.map((node, i) => Object.assign(node, { name: `n${i}` })), output: declare(outputs), initializer: [...constants] });
  return serializeModel(create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ domain: "", version: 21n }, { domain: "com.microsoft", version: 1n }], graph }));
}

const weights = (name: string, ...shape: number[]): TensorProto => {
  const count = shape.reduce((a, b) => a * b, 1);
  return makeTensor(name, FLOAT, shape, new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.cos(i * 3.7)).buffer));
};
const whole = (name: string, ...values: number[]): TensorProto => makeTensor(name, INT64, [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
/** Max and Min of operator sets before 8 take equal shapes only; the session gives such a graph up at its first run. */
const equalShapes = /^test_operator_(max|min)$/;
const ints = (...values: number[]) => ({ ints: values });

/** Graphs whose tensors have a first axis that is the jobs' own, or need one for them. */
const graphs: Record<string, Uint8Array> = {
  "a row times a matrix, and what is added": model({ x: [1, 64] }, [makeNode("Gemm", ["x", "w", "b"], ["y"], { transB: { int: 1 } })], { y: [1, 8] }, [weights("w", 8, 64), weights("b", 8)]),
  "rows to which other rows are added": model({ x: [4, 16], z: [4, 8] }, [makeNode("Gemm", ["x", "w", "z"], ["y"])], { y: [4, 8] }, [weights("w", 16, 8)]),
  "rows one after the other, then axes exchanged": model({ x: [16, 32] }, [makeNode("Reshape", ["x", "s"], ["h"]), makeNode("Transpose", ["h"], ["t"], { perm: ints(1, 0, 2) }), makeNode("MatMul", ["t", "w"], ["y"])], { y: [4, 16, 5] }, [whole("s", 16, 4, 8), weights("w", 8, 5)]),
  "products of what differs": model({ a: [4, 16, 8], b: [4, 8, 16] }, [makeNode("MatMul", ["a", "b"], ["p"]), makeNode("Softmax", ["p"], ["s"], { axis: { int: -1 } }), makeNode("MatMul", ["s", "a"], ["y"])], { y: [4, 16, 8] }),
  "products with transposed factors of several axes": model(
    { a: [16, 4, 8], b: [16, 4, 8] },
    [Object.assign(makeNode("FusedMatMul", ["a", "b"], ["y"], { transBatchA: { int: 1 }, transBatchB: { int: 1 }, transB: { int: 1 }, alpha: { float: 0.25 } }), { domain: "com.microsoft" })],
    { y: [4, 16, 16] },
  ),
  "a constant with a first axis": model({ x: [4, 8] }, [makeNode("Mul", ["x", "w"], ["y"])], { y: [4, 8] }, [weights("w", 4, 8)]),
  "two of different rank": model({ a: [4, 8], b: [8] }, [makeNode("Add", ["a", "b"], ["y"])], { y: [4, 8] }),
  "a longer constant": model({ b: [8] }, [makeNode("Add", ["w", "b"], ["y"])], { y: [3, 4, 8] }, [weights("w", 3, 4, 8)]),
  "rows summed up": model({ x: [1, 16, 32] }, [makeNode("ReduceMean", ["x", "a"], ["y"], { keepdims: { int: 0 } })], { y: [1, 32] }, [whole("a", 1)]),
  "rows summed up, kept": model({ x: [16, 32] }, [makeNode("ReduceSum", ["x", "a"], ["y"])], { y: [1, 32] }, [whole("a", 0)]),
  "columns summed up": model({ x: [4, 16, 16] }, [makeNode("ReduceMean", ["x", "a"], ["y"])], { y: [4, 16, 1] }, [whole("a", -1)]),
  "the largest along the first axis": model({ x: [4, 8] }, [makeNode("ReduceMax", ["x", "a"], ["y"], { keepdims: { int: 0 } })], { y: [8] }, [whole("a", 0)]),
  "softmax along the first axis": model({ x: [4, 8] }, [makeNode("Softmax", ["x"], ["y"], { axis: { int: 0 } })], { y: [4, 8] }),
  "parts along the first axis, put together along another": model({ x: [4, 8] }, [makeNode("Split", ["x"], ["a", "b"], { axis: { int: 0 }, num_outputs: { int: 2 } }), makeNode("Concat", ["a", "b"], ["y"], { axis: { int: 1 } })], { y: [2, 16] }),
  "slices of both axes": model({ x: [4, 8] }, [makeNode("Slice", ["x", "s", "e", "a", "t"], ["y"])], { y: [2, 4] }, [whole("s", 3, 1), whole("e", 0, 9), whole("a", 0, 1), whole("t", -2, 2)]),
  "a slice of the last axis": model({ x: [4, 8] }, [makeNode("Slice", ["x", "s", "e", "a"], ["y"])], { y: [4, 3] }, [whole("s", -3), whole("e", 99), whole("a", -1)]),
  "tiles": model({ x: [2, 8] }, [makeNode("Tile", ["x", "r"], ["y"])], { y: [6, 16] }, [whole("r", 3, 2)]),
  "padding of the first axis": model({ x: [2, 8] }, [makeNode("Pad", ["x", "p"], ["y"])], { y: [4, 9] }, [whole("p", 1, 0, 1, 1)]),
  "expansion of an axis in front": model({ x: [2, 8] }, [makeNode("Expand", ["x", "s"], ["y"])], { y: [3, 2, 8] }, [whole("s", 3, 1, 8)]),
  "places of the first axis": model({ x: [4, 8] }, [makeNode("Gather", ["x", "i"], ["y"], { axis: { int: 0 } })], { y: [3, 8] }, [whole("i", 3, 0, 2)]),
  "axes that come and go": model({ x: [1, 4, 1, 8] }, [makeNode("Squeeze", ["x", "a"], ["s"]), makeNode("Unsqueeze", ["s", "b"], ["u"]), makeNode("Neg", ["u"], ["y"])], { y: [4, 8, 1] }, [whole("a", 0, 2), whole("b", 2)]),
  "an image, flattened": model(
    { x: [1, 2, 8, 8] },
    [makeNode("Conv", ["x", "k", "c"], ["f"], { pads: ints(1, 1, 1, 1) }), makeNode("Relu", ["f"], ["r"]), makeNode("MaxPool", ["r"], ["m"], { kernel_shape: ints(2, 2), strides: ints(2, 2) }), makeNode("Flatten", ["m"], ["v"]), makeNode("Gemm", ["v", "w"], ["y"])],
    { y: [1, 5] },
    [weights("k", 4, 2, 3, 3), weights("c", 4), weights("w", 64, 5)],
  ),
  "an output that is an input": model({ x: [4, 8] }, [makeNode("Identity", ["x"], ["y"])], { y: [4, 8] }),
  "functions of groups of elements": model({ x: [2, 16] }, [makeNode("Tanh", ["x"], ["t"]), makeNode("Sigmoid", ["t"], ["s"]), makeNode("Exp", ["s"], ["y"])], { y: [2, 16] }),
};

/** What a convolution or pooling gives is transposed: for that the sizes must be known. */
const windows: Record<string, NodeProto> = {
  "a convolution": makeNode("Conv", ["x", "k"], ["f"]),
  "with pads, strides and dilations": makeNode("Conv", ["x", "k"], ["f"], { pads: ints(1, 2, 0, 1), strides: ints(2, 1), dilations: ints(1, 2) }),
  "with as many places as before": makeNode("Conv", ["x", "k"], ["f"], { auto_pad: { string: "SAME_UPPER" }, strides: ints(2, 2) }),
  "without pads": makeNode("Conv", ["x", "k"], ["f"], { auto_pad: { string: "VALID" } }),
  "a pooling": makeNode("MaxPool", ["x"], ["f"], { kernel_shape: ints(3, 2), strides: ints(2, 2), pads: ints(1, 0, 1, 0) }),
  "one that rounds up without need": makeNode("AveragePool", ["x"], ["f"], { kernel_shape: ints(2, 2), strides: ints(2, 2), ceil_mode: { int: 1 } }),
  "of all places": makeNode("GlobalAveragePool", ["x"], ["f"]),
};

/** Places that they have. */
const sizes = [36, 4 * 7, 16, 36, 4 * 4, 16, 1];

describe("the graph for many jobs", () => {
  it.each(Object.entries(windows))("knows the sizes that come out of %s", (_, node) => {
    const graph = model({ x: [1, 16, 8, 8] }, [node, makeNode("Reshape", ["f", "s"], ["r"]), makeNode("Transpose", ["r"], ["y"])], { y: [16, 16] }, [weights("k", 16, 16, 3, 3), whole("s", 16, -1)]);
    const parsed = parseModel(graph);
    parsed.graph.output = [makeValueInfo("y", FLOAT, [sizes[Object.values(windows).indexOf(node)] as number, 16])];
    expect(compareBatch(serializeModel(parsed), 3)).toEqual({ bits: true, distance: 0 });
  });

  it.each(Object.entries(graphs))("gives the bits of one job: %s", (_, graph) => {
    for (const jobs of [1, 2, 3, 8]) expect(compareBatch(graph, jobs)).toEqual({ bits: true, distance: 0 });
  });

  it("looks up rows of a table", () => {
    const lookup = model({ i: [1, 4] }, [makeNode("Squeeze", ["i", "a"], ["p"]), makeNode("Gather", ["t", "p"], ["y"])], { y: [4, 8] }, [whole("a", 0), weights("t", 6, 8)], INT64);
    const parsed = parseModel(lookup);
    parsed.graph.output = [makeValueInfo("y", FLOAT, [4, 8])];
    expect(compareBatch(serializeModel(parsed), 3)).toEqual({ bits: true, distance: 0 });
  });

  it("declares inputs and outputs by one axis that is not fixed", () => {
    const { info } = runtime.open(batchGraph(graphs["slices of both axes"] as Uint8Array, { threads: 1 }) as Uint8Array, plainOptions);
    expect(info.inputs.map(({ name, shape }) => [name, shape])).toEqual([["x", ["jobs*4", 8]]]);
    expect(info.outputs.map(({ name, shape }) => [name, shape])).toEqual([["y", ["jobs*2", 4]]]);
  });

  const refused: Record<string, Uint8Array> = {
    "an operator without a rule": model({ x: [4, 16] }, [makeNode("CumSum", ["x", "a"], ["y"])], { y: [4, 16] }, [makeTensor("a", INT64, [], new Uint8Array(8))]),
    "a scale for the whole tensor": model({ x: [4, 16] }, [makeNode("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), makeNode("DequantizeLinear", ["q", "s", "z"], ["y"])], { y: [4, 16] }),
    "functions of a number of elements that is no multiple of a group": model({ x: [3, 5] }, [makeNode("Tanh", ["x"], ["y"])], { y: [3, 5] }),
    "sums of such a number": model({ x: [3, 5] }, [makeNode("ReduceMean", ["x", "a"], ["y"])], { y: [3, 1] }, [whole("a", 1)]),
    "weights that differ from job to job": model({ x: [1, 2, 8, 8], k: [4, 2, 3, 3] }, [makeNode("Conv", ["x", "k"], ["y"])], { y: [1, 4, 6, 6] }),
    "a matrix that differs from job to job": model({ x: [4, 8], w: [8, 4] }, [makeNode("Gemm", ["x", "w"], ["y"])], { y: [4, 4] }),
    "an output without an axis": model({ x: [4, 8] }, [makeNode("ReduceMax", ["x", "a"], ["y"], { keepdims: { int: 0 } })], { y: [] }, [whole("a", 0, 1)]),
    "what no input decides": model({ x: [4, 8] }, [makeNode("Neg", ["w"], ["n"]), makeNode("Add", ["x", "n"], ["y"])], { y: [4, 8] }, [weights("w", 8)]),
  };

  it.each(Object.entries(refused))("does not exist for %s", (_, graph) => expect(batchGraph(graph, { threads: 1 }) === undefined).toBe(true));

  it("does not divide what is taken in groups among threads", () => {
    expect(batchGraph(graphs["columns summed up"] as Uint8Array, { threads: 2 }) === undefined).toBe(true);
    expect(batchGraph(graphs["tiles"] as Uint8Array, { threads: 2 }) === undefined).toBe(false);
  });

  const present = existsSync(`${sharedFolder}/onnx-vectors`);
  it.skipIf(!present)(
    `gives the bits of one job for the ONNX conformance vectors${present ? "" : " (skipped: no shared/onnx-vectors beside the checkout)"}`,
    () => {
      const wrong: string[] = [];
      let compared = 0;
      for (const vector of onnxVectors()) {
        if (equalShapes.test(vector.name)) continue;
        let fixed: Uint8Array;
        try {
          const [first] = [...frozenVectors(vector.model, vector.inputs)].slice(-1) as [FrozenVector];
          const parsed = parseModel(first.modelBytes);
          fixShapes(parsed, first.shapes);
          fixed = serializeModel(parsed);
          if (batchGraph(fixed, { threads: 1 }) === undefined) continue;
          const one = createNativeSession(runtime, fixed, plainOptions, createArena(64));
          one.run(one.info.inputs.map((info) => jobInput(info, 0)));
        } catch {
          // Not a model that runs.
          continue;
        }
        try {
          const outcome = compareBatch(fixed, 3);
          compared++;
          if (outcome?.bits !== true) wrong.push(`${vector.name} ${JSON.stringify(outcome)}`);
        } catch (error) {
          wrong.push(`${vector.name} ${String(error)}`);
        }
      }
      console.info(`${compared} vectors compared`);
      expect(wrong).toEqual([]);
      expect(compared).toBeGreaterThan(200);
    },
    60_000,
  );
});
