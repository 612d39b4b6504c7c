import type { TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { tensorBytes } from "../../protocol/onnx/tensors.ts";
import { dtypes, type Dtype } from "../../protocol/program/types.ts";
import type { Num } from "./referenceExpression.ts";

/** Elements as numbers: bigint for every integer type, so that nothing is rounded. */
export type Typed = readonly Num[];

/** Names that ONNX Runtime gives to element types. */
export const typeNames = { 1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool" } as const;

const arrays = { 1: Float32Array, 2: Uint8Array, 3: Int8Array, 6: Int32Array, 7: BigInt64Array, 9: Uint8Array } as const;

/** Little-endian bytes as the array that ONNX Runtime takes. */
export function arrayOf(dtype: Dtype, bytes: Uint8Array): Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array {
  return new arrays[dtype as keyof typeof arrays](new Uint8Array(bytes).buffer);
}

/** Elements of committed bytes. */
export function typedOf(dtype: Dtype, bytes: Uint8Array): Typed {
  const data = arrayOf(dtype, bytes);
  if (dtype === dtypes.float32) return Array.from(data as Float32Array);
  return Array.from(data as ArrayLike<number | bigint>, (value) => (dtype === dtypes.bool ? (value === 0 ? 0n : 1n) : BigInt(value)));
}

/** An integer as the type keeps it. */
export function wrap(dtype: Dtype, value: bigint): bigint {
  switch (dtype) {
    case dtypes.uint8:
      return BigInt.asUintN(8, value);
    case dtypes.int8:
      return BigInt.asIntN(8, value);
    case dtypes.int32:
      return BigInt.asIntN(32, value);
    case dtypes.bool:
      return value === 0n ? 0n : 1n;
    default:
      return BigInt.asIntN(64, value);
  }
}

/** Bytes of a tensor message as an array that ONNX Runtime takes. */
export function tensorArray(tensor: TensorProto): ReturnType<typeof arrayOf> {
  return arrayOf(tensor.dataType as Dtype, tensorBytes(tensor));
}
