import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Parameter } from "./network.ts";
import { IMAGE_SIDE } from "./synthesize.ts";

const IR_VERSION = 8;
const OPSET = 13;
const FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/**
 * The classifier as an ONNX model: `image` float32 [1,1,28,28], grey values 0..255, to `logits` float32 [1,10].
 * The division of pixels by 255 is folded into the weights of the first convolution. Initialisers are not graph inputs.
 * Field numbers follow onnx.proto3 of ONNX IR version 8.
 */
export function encodeOnnx(parameters: readonly Parameter[]): Uint8Array {
  const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  const graph = new BinaryWriter();
  const nodes = [
    node("Conv", "conv1", ["image", "conv1.weight", "conv1.bias"], "conv1_sums", conv),
    node("Relu", "relu1", ["conv1_sums"], "conv1_features"),
    node("MaxPool", "pool1", ["conv1_features"], "pool1_features", pool),
    node("Conv", "conv2", ["pool1_features", "conv2.weight", "conv2.bias"], "conv2_sums", conv),
    node("Relu", "relu2", ["conv2_sums"], "conv2_features"),
    node("MaxPool", "pool2", ["conv2_features"], "pool2_features", pool),
    node("Flatten", "flatten", ["pool2_features"], "features", { axis: 1 }),
    node("Gemm", "hidden", ["features", "hidden.weight", "hidden.bias"], "hidden_sums", { transB: 1 }),
    node("Relu", "relu3", ["hidden_sums"], "hidden_features"),
    node("Gemm", "classes", ["hidden_features", "classes.weight", "classes.bias"], "logits", { transB: 1 }),
  ];
  for (const encoded of nodes) field(graph, 1, encoded);
  text(graph, 2, "digits");
  for (const parameter of parameters) field(graph, 5, initializer(parameter));
  field(graph, 11, valueInfo("image", [1, 1, IMAGE_SIDE, IMAGE_SIDE]));
  field(graph, 12, valueInfo("logits", [1, 10]));

  const model = new BinaryWriter();
  integer(model, 1, IR_VERSION);
  text(model, 2, "gainsay");
  text(model, 6, "Handwritten digits, trained on synthetic images.");
  field(model, 7, graph.finish());
  const opset = new BinaryWriter();
  integer(opset, 2, OPSET);
  field(model, 8, opset.finish());
  return model.finish();
}

function node(operator: string, name: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Uint8Array {
  const writer = new BinaryWriter();
  for (const input of inputs) text(writer, 1, input);
  text(writer, 2, output);
  text(writer, 3, name);
  text(writer, 4, operator);
  for (const [key, value] of Object.entries(attributes)) {
    const attribute = new BinaryWriter();
    text(attribute, 1, key);
    if (typeof value === "number") {
      integer(attribute, 3, value);
      integer(attribute, 20, ATTRIBUTE_INT);
    } else {
      packed(attribute, 8, value);
      integer(attribute, 20, ATTRIBUTE_INTS);
    }
    field(writer, 5, attribute.finish());
  }
  return writer.finish();
}

function initializer({ name, shape, values }: Parameter): Uint8Array {
  const scale = name === "conv1.weight" ? 1 / 255 : 1;
  const raw = new Uint8Array(values.length * 4);
  const view = new DataView(raw.buffer);
  for (const [at, value] of values.entries()) view.setFloat32(at * 4, value * scale, true);
  const writer = new BinaryWriter();
  packed(writer, 1, shape);
  integer(writer, 2, FLOAT);
  text(writer, 8, name);
  field(writer, 9, raw);
  return writer.finish();
}

function valueInfo(name: string, shape: readonly number[]): Uint8Array {
  const dimensions = new BinaryWriter();
  for (const extent of shape) {
    const dimension = new BinaryWriter();
    integer(dimension, 1, extent);
    field(dimensions, 1, dimension.finish());
  }
  const tensor = new BinaryWriter();
  integer(tensor, 1, FLOAT);
  field(tensor, 2, dimensions.finish());
  const type = new BinaryWriter();
  field(type, 1, tensor.finish());
  const writer = new BinaryWriter();
  text(writer, 1, name);
  field(writer, 2, type.finish());
  return writer.finish();
}

function field(writer: BinaryWriter, number: number, bytes: Uint8Array): void {
  writer.tag(number, WireType.LengthDelimited).bytes(bytes);
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, number: number, value: number): void {
  writer.tag(number, WireType.Varint).int64(value);
}

function packed(writer: BinaryWriter, number: number, values: readonly number[]): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  for (const value of values) writer.int64(value);
  writer.join();
}
