import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import { permuteBytes } from "../../protocol/lowering/layout.ts";
import type { TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { tensorBytes } from "../../protocol/onnx/tensors.ts";
import { dtypeBytes } from "../../protocol/program/types.ts";
import { tensorRoot } from "../../protocol/trees/tensorTree.ts";
import type { Bundle } from "./bundle.ts";

/** Views of the models' bytes, for as long as somebody has them. */
const initializers = new WeakMap<Bundle, WeakRef<ReadonlyMap<string, TensorProto>>>();

/**
 * Committed bytes of weight `index`: the initialiser of the folded graph in commit order, made anew by each call. Throws `BUNDLE_MISMATCH` if the graph's weight has
 * not the root that the program names.
 */
export function weightBytes(bundle: Bundle, index: number): Uint8Array {
  const weight = bundle.program.weights[index];
  if (weight === undefined) {
    throw new GainsayError(`The program has ${bundle.program.weights.length} weights; there is no weight ${index}.`, { code: "WEIGHT_UNKNOWN", details: { index } });
  }
  const tensor = graphInitializers(bundle).get(weight.name);
  const bytes = tensor && permuteBytes(tensorBytes(tensor), dtypeBytes[weight.dtype], weight.shape, weight.perm);
  if (bytes === undefined || toHex(tensorRoot(bytes)) !== weight.root) {
    throw new GainsayError(`The weight ${JSON.stringify(weight.name)} of model.onnx is not the one the program names.`, { code: "BUNDLE_MISMATCH", kind: "verification", details: { file: "model.onnx", weight: weight.name } });
  }
  return bytes;
}

function graphInitializers(bundle: Bundle): ReadonlyMap<string, TensorProto> {
  const known = initializers.get(bundle)?.deref();
  if (known !== undefined) return known;
  const map = new Map(parseModel(bundle.model).graph.initializer.map((tensor) => [tensor.name, tensor]));
  initializers.set(bundle, new WeakRef(map));
  return map;
}
