import { create } from "@bufbuild/protobuf";
import { GraphProtoSchema, ModelProtoSchema, type NodeProto, type TensorProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../../protocol/onnx/graphs.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";
import type { Program } from "../../../protocol/program/types.ts";

type Value = readonly [name: string, dtype: number, shape: readonly number[]];

/** An ONNX file of these nodes. */
export function modelOf(inputs: readonly Value[], nodes: readonly NodeProto[], outputs: readonly Value[], initializers: readonly TensorProto[] = []): Uint8Array {
  const declare = (values: readonly Value[]) => values.map((value) => makeValueInfo(...value));
  const graph = create(GraphProtoSchema, { name: "small", input: declare(inputs), node: [...nodes], output: declare(outputs), initializer: [...initializers] });
  return serializeModel(create(ModelProtoSchema, { irVersion: 10n, opsetImport: [{ domain: "", version: 21n }], graph }));
}

/** y = relu(x) for x of any element type. */
export function reluModel(dtype: number, shape: readonly number[]): Uint8Array {
  return modelOf([["x", dtype, shape]], [makeNode("Relu", ["x"], ["y"])], [["y", dtype, shape]]);
}

/** A traced graph: x[2,columns] → trace:0 = relu(x), trace:1 = the transpose of x·x, outputs in commit order. */
export function tracedModel(columns = 3): Uint8Array {
  return modelOf(
    [["x", 1, [2, columns]]],
    [makeNode("Relu", ["x"], ["trace:0"]), makeNode("Mul", ["x", "x"], ["squared"]), makeNode("Transpose", ["squared"], ["trace:1"], { perm: { ints: [1, 0] } })],
    [["trace:0", 1, [2, columns]], ["trace:1", 1, [columns, 2]]],
  );
}

const zero = `0x${"00".repeat(32)}` as const;

/** What `tracedModel` computes, as a program; the output is x·x in its logical shape, seen through the commit order. */
export function tracedProgram(columns = 3): Program {
  const shape = [2, columns];
  return {
    root: `0x${"ab".repeat(32)}`,
    header: { version: 1, graph: zero, inputs: zero, stepsRoot: zero, blocksRoot: zero, stepCount: 2, blockCount: 2, inputCount: 1, traceCount: 2, outputs: [1] },
    steps: [],
    blocks: [],
    inputs: [{ name: "x", dtype: 1, shape }],
    outputs: [{ name: "squared", dtype: 1, shape, trace: 1, access: { offset: 0, outStrides: [1, 2], reduceStrides: [], windows: [], stages: [] } }],
    trace: [
      { name: "relu", dtype: 1, shape, perm: [0, 1], step: 0 },
      { name: "squared", dtype: 1, shape, perm: [1, 0], step: 1 },
    ],
    inner: [],
    weights: [],
    nodes: [],
  };
}

/** A run of many seconds: `count` products of two n×n matrices, one after another. Must be loaded without optimization. */
export function slowModel(n: number, count: number): Uint8Array {
  const nodes = [
    makeNode("Constant", [], ["shape"], { value: { tensor: makeTensor("shape", 7, [2], new Uint8Array(BigInt64Array.of(BigInt(n), BigInt(n)).buffer)) } }),
    makeNode("Expand", ["x", "shape"], ["p0"]),
    ...Array.from({ length: count }, (_, i) => makeNode("MatMul", [`p${i}`, "p0"], [`p${i + 1}`])),
    makeNode("ReduceMax", [`p${count}`], ["y"], { keepdims: { int: 0 } }),
  ];
  return modelOf([["x", 1, [1, 1]]], nodes, [["y", 1, []]]);
}

/** Elements as float32 bytes. */
export function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
