import type { NodeProto, TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { buildOnnx, floats, noise, op } from "./onnxBuilder.ts";

const CHANNELS = 32;
const NARROW = 2;
const SIZE = 16;

/**
 * A model that is worth cutting: wide convolutions between narrow ones, with a residual connection around each pair, a normalisation in the
 * middle and an output at the end. Each of `stages` stages ends with a tensor of two channels.
 */
export function bottleneckModel(stages = 4): Uint8Array {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const conv = (from: string, to: string, into: number, outOf: number, kernel: number): void => {
    const weights = noise(outOf * into * kernel * kernel, initializers.length + 1).map((value) => value / Math.sqrt(into * kernel * kernel));
    initializers.push(floats(`w_${to}`, [outOf, into, kernel, kernel], weights), floats(`b_${to}`, [outOf], noise(outOf, initializers.length + 2)));
    nodes.push(op("Conv", [from, `w_${to}`, `b_${to}`], [to], { pads: { ints: kernel === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0] } }));
  };
  let last = "x";
  for (let stage = 0; stage < stages; stage++) {
    const name = (part: string): string => `${part}${stage}`;
    conv(last, name("widen"), stage === 0 ? 3 : NARROW, CHANNELS, 1);
    nodes.push(op("Relu", [name("widen")], [name("a")]));
    conv(name("a"), name("first"), CHANNELS, CHANNELS, 3);
    nodes.push(op("Sigmoid", [name("first")], [name("gate")]), op("Mul", [name("first"), name("gate")], [name("b")]));
    conv(name("b"), name("second"), CHANNELS, CHANNELS, 3);
    nodes.push(op("Add", [name("second"), name("a")], [name("sum")]), op("MaxPool", [name("sum")], [name("pooled")], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }));
    conv(name("pooled"), name("narrow"), CHANNELS, NARROW, 1);
    last = name("narrow");
  }
  nodes.push(op("Softmax", [last], ["y"], { axis: { int: -1 } }));
  return buildOnnx({ inputs: { x: [1, 3, SIZE, SIZE] }, initializers, nodes, outputs: ["y"] });
}
