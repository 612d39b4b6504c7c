import type { TensorProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { parseModel, type Model } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { floatValues, tensorShape } from "../../../protocol/onnx/tensors.ts";
import { dtypes } from "../../../protocol/program/types.ts";
import { createRandom } from "../../../runtime/audit/random.ts";
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from "../../../protocol/program/halfFloat.ts";

/** Changes the values of one float weight in place; `channel` is the number of values a slice of its first axis has. */
export type WeightChange = (values: Float32Array, channel: number) => void;

/** The model with all weights of products changed, and with `biases` all other float weights as well. */
export function alterWeights(modelBytes: Uint8Array, change: WeightChange, biases = false): Uint8Array {
  const model = parseModel(modelBytes);
  const factors = factorWeights(model);
  for (const tensor of biases ? floatWeights(model) : factors) {
    const values = floatValues(tensor);
    change(values, factors.includes(tensor) ? values.length / tensorShape(tensor)[0]! : 1);
    store(tensor, values);
  }
  return serializeModel(model);
}

/** The model with the weight of this name changed. */
export function alterWeight(modelBytes: Uint8Array, name: string, change: WeightChange): Uint8Array {
  const model = parseModel(modelBytes);
  const tensor = floatWeights(model).find((one) => one.name === name) as TensorProto;
  const values = floatValues(tensor);
  change(values, values.length / (tensorShape(tensor)[0] ?? 1));
  store(tensor, values);
  return serializeModel(model);
}

/** Float weights that convolutions and matrix products multiply by. */
export function factorWeights(model: Model): TensorProto[] {
  const factors = new Set(model.graph.node.flatMap(({ opType, input }) => (["Conv", "Gemm", "MatMul"].includes(opType) ? [input[1]] : [])));
  return floatWeights(model).filter(({ name }) => factors.has(name));
}

function floatWeights(model: Model): TensorProto[] {
  return model.graph.initializer.filter((tensor) => tensor.dataType === dtypes.float32 && tensor.dims.reduce((a, b) => a * Number(b), 1) > 1);
}

/** Symmetric quantisation to `bits` bits and back, one scale a tensor or one a slice of the first axis. */
export function quantise(bits: number, perChannel: boolean): WeightChange {
  const levels = 2 ** (bits - 1) - 1;
  return (values, channel) => {
    const size = perChannel ? channel : values.length;
    for (let at = 0; at < values.length; at += size) {
      const part = values.subarray(at, at + size);
      const scale = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels;
      if (scale > 0) part.forEach((value, i) => (part[i] = Math.round(value / scale) * scale));
    }
  };
}

/** Sets the share of a tensor's weights that are smallest in magnitude to zero; at least one of them. */
export function prune(share: number): WeightChange {
  return (values) => {
    const order = Array.from(values.keys()).sort((a, b) => Math.abs(values[a]!) - Math.abs(values[b]!));
    const nonzero = order.filter((i) => values[i] !== 0);
    for (const i of nonzero.slice(0, Math.max(1, Math.round(share * nonzero.length)))) values[i] = 0;
  };
}

/** Multiplies every weight by 1 + a normal number of this standard deviation: a model trained a little further. */
export function drift(deviation: number): WeightChange {
  const random = createRandom(11);
  return (values) => {
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
    values.forEach((value, i) => (values[i] = value * (1 + deviation * normal())));
  };
}

/** Rounds to float16. */
export const toHalf: WeightChange = (values) => values.forEach((value, i) => (values[i] = halfToNumber(numberToHalf(value))));

/** Rounds to bfloat16. */
export const toBrain: WeightChange = (values) => values.forEach((value, i) => (values[i] = bfloatToNumber(numberToBfloat(value))));

/** Leaves out the second half of the output channels. */
export const halveChannels: WeightChange = (values, channel) => values.fill(0, Math.ceil(values.length / channel / 2) * channel);

function store(tensor: TensorProto, values: Float32Array): void {
  tensor.floatData = [];
  tensor.rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
