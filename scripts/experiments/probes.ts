import { create } from "@bufbuild/protobuf";
import { ModelProtoSchema, type NodeProto, type TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../protocol/onnx/tensors.ts";
import { dtypes } from "../../protocol/program/types.ts";
import { createRandom } from "../../runtime/audit/random.ts";

// Small models aimed at faults that real kernels are known to have.

/** A 3×3 convolution from 8 to 8 channels: the control for `oddChannelsConv`. */
export function evenChannelsConv(): Uint8Array {
  return convolution(8);
}

/** The same from 6 channels, a multiple of 3 but not of 4, which ONNX Runtime's WebGPU provider has computed wrongly. */
export function oddChannelsConv(): Uint8Array {
  return convolution(6);
}

/**
 * A quantised 3×3 convolution with weights of ±127 and inputs up to 255: pairs of u8·s8 products exceed 16 bits, which kernels for
 * AVX2 without VNNI saturate.
 */
export function saturatingConv(): Uint8Array {
  const weights = Int8Array.from({ length: 8 * 8 * 9 }, (_, i) => (i % 5 === 0 ? -127 : 127));
  const scalar = (name: string, value: number): TensorProto => makeTensor(name, dtypes.float32, [], new Uint8Array(Float32Array.of(value).buffer));
  const initializers = [
    scalar("xs", 1 / 255), scalar("ws", 1 / 127), scalar("ys", 0.25),
    makeTensor("xz", dtypes.uint8, [], Uint8Array.of(0)), makeTensor("wz", dtypes.int8, [], Uint8Array.of(0)), makeTensor("yz", dtypes.uint8, [], Uint8Array.of(0)),
    makeTensor("w", dtypes.int8, [8, 8, 3, 3], new Uint8Array(weights.buffer)),
  ];
  const node = makeNode("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }, "conv");
  return modelOf("saturating", dtypes.uint8, [1, 8, 12, 12], [node], initializers, [1, 8, 12, 12]);
}

function convolution(channels: number): Uint8Array {
  const random = createRandom(channels);
  const weights = Float32Array.from({ length: 8 * channels * 9 }, () => random.unit() - 0.5);
  const node = makeNode("Conv", ["x", "w"], ["y"], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }, "conv");
  return modelOf("convolution", dtypes.float32, [1, channels, 12, 12], [node], [makeTensor("w", dtypes.float32, [8, channels, 3, 3], new Uint8Array(weights.buffer))], [1, 8, 12, 12]);
}

function modelOf(name: string, dtype: number, input: number[], node: NodeProto[], initializer: TensorProto[], output: number[]): Uint8Array {
  return serializeModel(
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 13n }],
      graph: { name, node, initializer, input: [makeValueInfo("x", dtype, input)], output: [makeValueInfo("y", dtype, output)] },
    }),
  );
}
