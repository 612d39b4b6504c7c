import { fromBinary } from "@bufbuild/protobuf";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TensorProtoSchema, type TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";

/** Models and vectors beside the checkout; absent in a fresh clone. */
export const sharedFolder = fileURLToPath(new URL("../../../shared", import.meta.url));

export interface OnnxVector {
  group: string;
  name: string;
  model: Uint8Array;
  inputs: TensorProto[];
}

/** All vectors of the ONNX conformance suite that are present, with the inputs of their first data set. */
export function* onnxVectors(): Generator<OnnxVector> {
  const root = join(sharedFolder, "onnx-vectors");
  for (const group of ["node", "pytorch-converted", "pytorch-operator", "simple"]) {
    if (!existsSync(join(root, group))) continue;
    for (const name of readdirSync(join(root, group)).sort()) {
      const folder = join(root, group, name);
      if (!existsSync(join(folder, "model.onnx"))) continue;
      yield { group, name, model: readFileSync(join(folder, "model.onnx")), inputs: readInputs(join(folder, "test_data_set_0")) };
    }
  }
}

/** The tensors `input_0.pb`, `input_1.pb`, … of a folder, as far as they are tensors. */
export function readInputs(folder: string): TensorProto[] {
  const tensors: TensorProto[] = [];
  for (let k = 0; existsSync(join(folder, `input_${k}.pb`)); k++) {
    try {
      tensors.push(fromBinary(TensorProtoSchema, readFileSync(join(folder, `input_${k}.pb`))));
    } catch {
      // Sequences and optionals are other messages; no float32 model has them.
      return tensors;
    }
  }
  return tensors;
}
