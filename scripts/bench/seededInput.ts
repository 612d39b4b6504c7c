import { Tensor } from "onnxruntime-node";
import { GainsayError } from "../../protocol/errors.ts";
import { dtypes, type TensorSpec } from "../../protocol/program/types.ts";
import type { TensorBytes } from "../../runtime/inference/types.ts";

/** Floats in [0, 1), integers from 0 to 9, from a linear congruential generator (Numerical Recipes), the same in every run. */
export function seededInput({ dtype, shape }: TensorSpec): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (dtype === dtypes.float32) return new Tensor("float32", Float32Array.from({ length: count }, next), shape);
  if (dtype === dtypes.int64) return new Tensor("int64", BigInt64Array.from({ length: count }, () => BigInt(Math.floor(next() * 10))), shape);
  if (dtype === dtypes.int32) return new Tensor("int32", Int32Array.from({ length: count }, () => Math.floor(next() * 10)), shape);
  if (dtype === dtypes.uint8) return new Tensor("uint8", Uint8Array.from({ length: count }, () => Math.floor(next() * 256)), shape);
  throw new GainsayError("The benchmark has no inputs of this element type.", { code: "BENCH_INPUT", details: { dtype } });
}

/** Bytes of a tensor of ONNX Runtime's. */
export function bytesOfTensor({ data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Seeded inputs of a program as the inference process takes them. */
export function seededFeeds(specs: readonly TensorSpec[]): Record<string, TensorBytes> {
  return Object.fromEntries(specs.map((spec) => [spec.name, { dtype: spec.dtype, shape: spec.shape, bytes: bytesOfTensor(seededInput(spec)) }]));
}
