import { GainsayError } from "../../../protocol/errors.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../../protocol/onnx/tensors.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import { compileModel } from "../../compile/compileModel.ts";
import type { FoldRunner } from "../../compile/createFoldRunner.ts";
import { elementsOf } from "../../inputs/rawTensor.ts";
import type { PublishedTensor } from "./readVector.ts";

/** ONNX element types by the names of files. */
const typeNumbers: Readonly<Record<PublishedTensor["dtype"], number>> = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, bfloat16: 16,
};

const isWhole = (dtype: string): boolean => dtype.includes("int") || dtype === "bool";

/**
 * Compiles a vector's model for the shapes of its inputs. The suite feeds as inputs what real models hold as constants, such as the
 * shape of a Reshape or the weights of a convolution; where the model does not compile with all of them as inputs, first those
 * that look like parameters and then all but the first float tensor are made constants. `inputs` of the program tell which remain.
 * Throws what `compileModel` throws for the attempt with constant parameters.
 */
export async function compileVector(modelBytes: Uint8Array, inputs: readonly PublishedTensor[], runner: FoldRunner): Promise<Bundle> {
  const parameters = inputs.filter(({ dtype, shape }) => isWhole(dtype) && shape.length <= 1);
  const data = inputs.find(({ dtype, shape }) => dtype === "float32" && elementsOf(shape) > 1) ?? inputs.find((tensor) => !parameters.includes(tensor)) ?? inputs[0];
  const attempts = distinct([[], parameters, inputs.filter((tensor) => tensor !== data)].filter((frozen) => frozen.length < Math.max(1, inputs.length)));
  const errors: unknown[] = [];
  for (const frozen of attempts) {
    try {
      const shapes = Object.fromEntries(inputs.filter((tensor) => !frozen.includes(tensor)).map(({ name, shape }) => [name, shape]));
      return await compileModel({ modelBytes: frozen.length === 0 ? modelBytes : freeze(modelBytes, frozen), shapes, granularity: "layer" }, { runner });
    } catch (error) {
      if (!(error instanceof GainsayError)) throw error;
      errors.push(error);
    }
  }
  throw errors[parameters.length > 0 ? 1 : 0] ?? errors[0];
}

function freeze(modelBytes: Uint8Array, frozen: readonly PublishedTensor[]): Uint8Array {
  const model = parseModel(modelBytes);
  const names = new Set(frozen.map(({ name }) => name));
  model.graph.input = model.graph.input.filter(({ name }) => !names.has(name));
  model.graph.initializer.push(...frozen.map(({ name, dtype, shape, bytes }) => makeTensor(name, typeNumbers[dtype], shape, bytes)));
  return serializeModel(model);
}

function distinct(lists: readonly PublishedTensor[][]): PublishedTensor[][] {
  return lists.filter((list, i) => lists.findIndex((other) => other.length === list.length && other.every((tensor) => list.includes(tensor))) === i);
}
