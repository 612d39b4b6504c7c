import { GainsayError } from "../../protocol/errors.ts";
import { elementCount } from "../../protocol/program/elements.ts";
import { dtypes, type TensorSpec } from "../../protocol/program/types.ts";
import type { TensorBytes } from "../../runtime/inference/types.ts";

/** Bytes of a seeded input: floats in [0, 1), integers from 0 to 9, from a linear congruential generator (Numerical Recipes), the same in every run. */
export function seededBytes({ dtype, shape }: Pick<TensorSpec, "dtype" | "shape">): Uint8Array {
  const length = elementCount(shape);
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (dtype === dtypes.float32) return new Uint8Array(Float32Array.from({ length }, next).buffer);
  if (dtype === dtypes.int64) return new Uint8Array(BigInt64Array.from({ length }, () => BigInt(Math.floor(next() * 10))).buffer);
  if (dtype === dtypes.int32) return new Uint8Array(Int32Array.from({ length }, () => Math.floor(next() * 10)).buffer);
  if (dtype === dtypes.uint8) return Uint8Array.from({ length }, () => Math.floor(next() * 256));
  throw new GainsayError("The benchmark has no inputs of this element type.", { code: "BENCH_INPUT", details: { dtype } });
}

/** Seeded inputs of a program as the inference process takes them. */
export function seededFeeds(specs: readonly TensorSpec[]): Record<string, TensorBytes> {
  return Object.fromEntries(specs.map((spec) => [spec.name, { dtype: spec.dtype, shape: spec.shape, bytes: seededBytes(spec) }]));
}
