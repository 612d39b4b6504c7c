import { Tensor } from "onnxruntime-node";
import type { TensorSpec } from "../../protocol/program/types.ts";
import { dtypeName, viewTyped } from "../../runtime/inference/tensorTypes.ts";
import { seededBytes } from "./seededBytes.ts";

/** A seeded input as ONNX Runtime takes it. */
export function seededInput(spec: TensorSpec): Tensor {
  return new Tensor(dtypeName(spec.dtype) as "float32", viewTyped(spec.dtype, seededBytes(spec)) as Float32Array, spec.shape);
}
