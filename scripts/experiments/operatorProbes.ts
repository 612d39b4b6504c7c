import { create } from "@bufbuild/protobuf";
import type { AttributeValue } from "../../protocol/onnx/attributes.ts";
import { ModelProtoSchema, TypeProtoSchema, ValueInfoProtoSchema, type NodeProto, type TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../protocol/onnx/tensors.ts";
import { dtypes } from "../../protocol/program/types.ts";
import { createRandom } from "../../runtime/audit/random.ts";

/** A model of parallel branches, one an operator, so that each kernel's result is judged by itself. */
export interface OperatorProbe {
  /** The model without the branches of these names. */
  build(without: ReadonlySet<string>): Uint8Array;
}

interface Branch {
  name: string;
  nodes: NodeProto[];
  weights?: TensorProto[];
}

const WIDTH = 512;

/** Elementwise functions of x and y, [8, 512]. */
export function functionsProbe(): OperatorProbe {
  const of = (operator: string, attributes?: Attributes): Branch => branch(operator, [[operator, ["x"], attributes]]);
  const ofMagnitude = (operator: string): Branch => branch(operator, [["Abs", ["x"]], [operator, ["^"]]]);
  return probe({ x: [8, WIDTH], y: [8, WIDTH] }, [
    of("Exp"), ofMagnitude("Log"), of("Tanh"), of("Erf"), of("Sigmoid"), ofMagnitude("Sqrt"), of("Relu"), of("Neg"),
    of("Reciprocal"), of("HardSigmoid"), of("LeakyRelu", { alpha: { float: 0.3 } }), of("Elu"), of("Sin"), of("Cos"), of("Floor"),
    branch("Add", [["Add", ["x", "y"]]]), branch("Mul", [["Mul", ["x", "y"]]]), branch("Div", [["Div", ["x", "y"]]]),
    branch("MulAdd", [["Mul", ["x", "y"]], ["Add", ["^", "x"]]]),
    branch("SiLU", [["Sigmoid", ["x"]], ["Mul", ["^", "x"]]]),
    branch("Gelu", [["Erf", ["x"]], ["Mul", ["^", "x"]], ["Add", ["^", "x"]], ["Mul", ["^", "half"]]], [scalar("half", 0.5)]),
    branch("Square", [["Pow", ["x", "two"]]], [scalar("two", 2)]),
  ]);
}

/** Operators that ONNX Runtime's WebGPU provider lacks; with them among the others it would not run at all. */
export function restProbe(): OperatorProbe {
  return probe({ x: [8, WIDTH], y: [8, WIDTH] }, [
    branch("Softplus", [["Softplus", ["x"]]]),
    branch("HardSwish", [["HardSwish", ["x"]]]),
    branch("Round", [["Round", ["x"]]]),
    branch("Max", [["Max", ["x", "y"]]]),
    branch("LogSoftmax", [["LogSoftmax", ["x"], { axis: { int: -1 } }]]),
  ]);
}

/** Operators on rows of 512. */
export function rowsProbe(): OperatorProbe {
  const axes = makeTensor("axes", dtypes.int64, [1], new Uint8Array(BigInt64Array.of(-1n).buffer));
  return probe({ x: [8, WIDTH] }, [
    branch("Softmax", [["Softmax", ["x"], { axis: { int: -1 } }]]),
    branch("LayerNormalization", [["LayerNormalization", ["x", "gamma", "beta"], { axis: { int: -1 } }]], [floats("gamma", [WIDTH], 1), floats("beta", [WIDTH], 2)]),
    branch("ReduceMean", [["ReduceMean", ["x"], { axes: { ints: [-1] } }]]),
    branch("ReduceSum", [["ReduceSum", ["x", "axes"]]], [axes]),
    branch("ReduceMax", [["ReduceMax", ["x"], { axes: { ints: [-1] } }]]),
    branch("RMSNorm", [["Mul", ["x", "x"]], ["ReduceMean", ["^"], { axes: { ints: [-1] } }], ["Sqrt", ["^"]], ["Div", ["x", "^"]]]),
  ]);
}

/** Long sums: matrix products and convolutions of every shape. */
export function sumsProbe(): OperatorProbe {
  const conv = (name: string, weight: number[], attributes: Attributes): Branch => branch(name, [["Conv", ["image", `${name}_w`, `${name}_b`], attributes]], [floats(`${name}_w`, weight, 3), floats(`${name}_b`, [weight[0]!], 4)]);
  return probe({ x: [8, WIDTH], image: [1, 16, 20, 20] }, [
    branch("MatMul", [["MatMul", ["x", "mw"]]], [floats("mw", [WIDTH, 24], 5)]),
    branch("Gemm", [["Gemm", ["x", "gw", "gc"], { transB: { int: 1 }, alpha: { float: 0.7 }, beta: { float: 1.3 } }]], [floats("gw", [24, WIDTH], 6), floats("gc", [24], 7)]),
    branch("MatMulBothSides", [["Transpose", ["x"], { perm: { ints: [1, 0] } }], ["MatMul", ["x", "^"]]]),
    conv("Conv3x3", [16, 16, 3, 3], { pads: { ints: [1, 1, 1, 1] } }),
    conv("Conv1x1", [32, 16, 1, 1], {}),
    conv("ConvGroups", [16, 4, 3, 3], { group: { int: 4 }, strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } }),
    conv("ConvDepthwise", [16, 1, 3, 3], { group: { int: 16 }, pads: { ints: [1, 1, 1, 1] } }),
    conv("ConvDilated", [16, 16, 3, 3], { dilations: { ints: [2, 2] }, pads: { ints: [2, 2, 2, 2] } }),
    conv("Conv5x5Strided", [16, 16, 5, 5], { strides: { ints: [3, 3] } }),
    branch("ConvTranspose", [["ConvTranspose", ["image", "tw"], { strides: { ints: [2, 2] } }]], [floats("tw", [16, 8, 3, 3], 8)]),
    branch("AveragePool", [["AveragePool", ["image"], { kernel_shape: { ints: [3, 3] } }]]),
    branch("GlobalAveragePool", [["GlobalAveragePool", ["image"]]]),
    branch("ConvReluAdd", [["Conv", ["image", "rw"], { pads: { ints: [1, 1, 1, 1] } }], ["Add", ["^", "image"]], ["Relu", ["^"]]], [floats("rw", [16, 16, 3, 3], 9)]),
  ]);
}

type Attributes = Readonly<Record<string, AttributeValue>> | undefined;

/** A chain of nodes; `^` is the result of the one before. */
function branch(name: string, chain: [string, string[], Attributes?][], weights: TensorProto[] = []): Branch {
  const nodes = chain.map(([operator, inputs, attributes], i) => makeNode(operator, inputs.map((input) => (input === "^" ? `${name}.${i - 1}` : input)), [`${name}.${i}`], attributes ?? {}, `${name}/${operator}${i}`));
  return { name, nodes, weights };
}

function probe(inputs: Record<string, number[]>, branches: Branch[]): OperatorProbe {
  return {
    build(without) {
      const kept = branches.filter(({ name }) => !without.has(name));
      const used = new Set(kept.flatMap(({ nodes }) => nodes.flatMap(({ input }) => input)));
      return serializeModel(
        create(ModelProtoSchema, {
          irVersion: 8n,
          opsetImport: [{ domain: "", version: 17n }],
          graph: {
            name: "operators",
            node: kept.flatMap(({ nodes }) => nodes),
            initializer: kept.flatMap(({ weights }) => weights ?? []),
            input: Object.entries(inputs).filter(([name]) => used.has(name)).map(([name, shape]) => makeValueInfo(name, dtypes.float32, shape)),
            output: kept.map(({ nodes }) => create(ValueInfoProtoSchema, { name: nodes.at(-1)!.output[0]!, type: create(TypeProtoSchema, { tensorType: { elemType: dtypes.float32 } }) })),
          },
        }),
      );
    },
  };
}

function scalar(name: string, value: number): TensorProto {
  return makeTensor(name, dtypes.float32, [], new Uint8Array(Float32Array.of(value).buffer));
}

function floats(name: string, shape: number[], seed: number): TensorProto {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.unit() - 0.5);
  return makeTensor(name, dtypes.float32, shape, new Uint8Array(values.buffer));
}
