import { dtypes, type Dtype, type Program } from "../../protocol/program/types.ts";
import type { TensorBytes } from "./types.ts";

/** A program with the types that its tensors have in such graphs. */
export function seenByRuntime(program: Program): Program {
  const seen = <Tensor extends { dtype: Dtype }>(tensors: readonly Tensor[]): Tensor[] => tensors.map((tensor) => (tensor.dtype === dtypes.bfloat16 ? { ...tensor, dtype: dtypes.float32 } : tensor));
  return { ...program, inputs: seen(program.inputs), trace: seen(program.trace), inner: seen(program.inner) };
}

/** A tensor as such a graph takes it. */
export function toFeed({ dtype, shape, bytes }: TensorBytes): TensorBytes {
  return dtype === dtypes.bfloat16 ? { dtype: dtypes.float32, shape, bytes: widenBfloat(bytes) } : { dtype, shape, bytes };
}

/** What such a graph gave for a tensor of type `dtype`, in that type. */
export function fromResult(result: TensorBytes, dtype: Dtype): TensorBytes {
  return dtype === dtypes.bfloat16 && result.dtype === dtypes.float32 ? { dtype, shape: result.shape, bytes: narrowBfloat(result.bytes) } : result;
}

/** Bytes of float32 elements that hold the values of bfloat16 elements. */
export function widenBfloat(bytes: Uint8Array): Uint8Array {
  const wide = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i += 2) {
    wide[2 * i + 2] = bytes[i] as number;
    wide[2 * i + 3] = bytes[i + 1] as number;
  }
  return wide;
}

/** Bytes of bfloat16 elements with the values of float32 elements, which must have them: the upper halves. */
export function narrowBfloat(bytes: Uint8Array): Uint8Array {
  const narrow = new Uint8Array(bytes.length / 2);
  for (let i = 0; i < narrow.length; i += 2) {
    narrow[i] = bytes[2 * i + 2] as number;
    narrow[i + 1] = bytes[2 * i + 3] as number;
  }
  return narrow;
}
