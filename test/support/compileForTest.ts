import { declaredTensor } from "../../protocol/onnx/graphs.ts";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { floatValues } from "../../protocol/onnx/tensors.ts";
import type { TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import type { FoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { noise } from "./onnxBuilder.ts";
import { verifyBundle, type BundleReport } from "./verifyBundle.ts";

/** Compiles a model and checks every element of every step on noise between −1 and 1. */
export async function compileAndVerify(runner: FoldRunner, modelBytes: Uint8Array): Promise<{ bundle: Bundle; report: BundleReport }> {
  const bundle = await compileModel({ modelBytes }, { runner });
  const inputs = Object.fromEntries(bundle.program.inputs.map(({ name, shape }, k) => [name, noise(shape.reduce((a, b) => a * b, 1), k + 1)]));
  return { bundle, report: await verifyBundle(bundle, modelBytes, inputs) };
}

/** Makes inputs that the compiler wants as constants initialisers: integers, weights of convolutions, slopes of PRelu. */
export function freezeParameters(modelBytes: Uint8Array, tensors: readonly TensorProto[]): { modelBytes: Uint8Array; inputs: Float32Array[] } {
  const model = parseModel(modelBytes);
  const constants = new Set(model.graph.initializer.map(({ name }) => name));
  const given = model.graph.input.filter(({ name }) => !constants.has(name));
  const inputs: Float32Array[] = [];
  const parameters = new Set(model.graph.node.flatMap(({ opType, input }) => (opType === "Conv" || opType === "PRelu" ? [input[1]] : [])));
  for (const [k, info] of given.entries()) {
    const tensor = tensors[k];
    if (tensor === undefined) continue;
    // Sequences and optionals read as tensors are nonsense; only what the graph declares as a tensor is one.
    const declared = declaredTensor(info)?.elemType;
    if (declared === 1 && !parameters.has(info.name)) inputs.push(floatValues(tensor));
    else if (declared === 1 || declared === 7) {
      model.graph.input = model.graph.input.filter((other) => other !== info);
      model.graph.initializer.push({ ...tensor, name: info.name });
    }
  }
  return { modelBytes: serializeModel(model), inputs };
}
