import { declaredTensor } from "../../protocol/onnx/graphs.ts";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import type { TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { dtypes } from "../../protocol/program/types.ts";
import { tensorShape } from "../../protocol/onnx/tensors.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import type { FoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { noise } from "./onnxBuilder.ts";
import { tensorArray, typeNames } from "./typedTensor.ts";
import { verifyBundle, type BundleReport, type Inputs } from "./verifyBundle.ts";

/** Compiles a model and checks every element of every step on noise between −1 and 1. */
export async function compileAndVerify(runner: FoldRunner, modelBytes: Uint8Array): Promise<{ bundle: Bundle; report: BundleReport }> {
  const bundle = await compileModel({ modelBytes }, { runner });
  const inputs = Object.fromEntries(bundle.program.inputs.map(({ name, dtype, shape }, k) => [name, inputOf(dtype, shape.reduce((a, b) => a * b, 1), k + 1)]));
  return { bundle, report: await verifyBundle(bundle, modelBytes, inputs) };
}

/** Noise between −1 and 1, or small integers of both signs where the type has them. */
function inputOf(dtype: number, count: number, seed: number): Inputs[string] {
  const values = noise(count, seed);
  if (dtype === dtypes.float32) return values;
  const whole = Array.from(values, (value) => Math.trunc(value * 8));
  if (dtype === dtypes.int64) return BigInt64Array.from(whole, BigInt);
  if (dtype === dtypes.int32) return Int32Array.from(whole);
  if (dtype === dtypes.int8) return Int8Array.from(whole);
  return Uint8Array.from(whole, (value) => (dtype === dtypes.bool ? value & 1 : Math.abs(value)));
}

/** A vector as a model with inputs; in a compiler's eyes some of its inputs should be constants. */
export interface FrozenVector {
  modelBytes: Uint8Array;
  inputs: Inputs;
  /** Shapes of the inputs. */
  shapes: Record<string, number[]>;
}

/**
 * A vector with more and more of its inputs made constants: weights of convolutions and slopes; then all integers as well; then everything
 * but the first input.
 */
export function* frozenVectors(modelBytes: Uint8Array, tensors: readonly TensorProto[]): Generator<FrozenVector> {
  const graph = parseModel(modelBytes).graph;
  const parameters = new Set(graph.node.flatMap(({ opType, input }) => (opType === "Conv" || opType === "PRelu" ? [input[1]] : [])));
  yield freeze(modelBytes, tensors, (name) => parameters.has(name));
  yield freeze(modelBytes, tensors, (name, dtype) => parameters.has(name) || dtype === dtypes.int64);
  yield freeze(modelBytes, tensors, (_name, _dtype, k) => k > 0);
}

function freeze(modelBytes: Uint8Array, tensors: readonly TensorProto[], constant: (name: string, dtype: number, k: number) => boolean): FrozenVector {
  const model = parseModel(modelBytes);
  const constants = new Set(model.graph.initializer.map(({ name }) => name));
  const given = model.graph.input.filter(({ name }) => !constants.has(name));
  const inputs: Record<string, Inputs[string]> = {};
  const shapes: Record<string, number[]> = {};
  for (const [k, info] of given.entries()) {
    const tensor = tensors[k];
    // Sequences and optionals read as tensors are nonsense; only what the graph declares as a tensor is one.
    if (tensor === undefined || declaredTensor(info)?.elemType !== tensor.dataType || !(tensor.dataType in typeNames)) continue;
    if (constant(info.name, tensor.dataType, k)) {
      model.graph.input = model.graph.input.filter((other) => other !== info);
      model.graph.initializer.push({ ...tensor, name: info.name });
    } else {
      inputs[info.name] = tensorArray(tensor);
      shapes[info.name] = tensorShape(tensor);
    }
  }
  return { modelBytes: serializeModel(model), inputs, shapes };
}
