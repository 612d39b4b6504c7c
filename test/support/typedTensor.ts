import type { TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { tensorBytes } from "../../protocol/onnx/tensors.ts";
import { dtypeBytes, dtypes, type Dtype } from "../../protocol/program/types.ts";
import type { Num } from "./referenceExpression.ts";

/** Elements as numbers: bigint for every integer type, so that nothing is rounded. */
export type Typed = readonly Num[];

/** Names that ONNX Runtime gives to element types. */
export const typeNames = { 1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 12: "uint32", 13: "uint64", 16: "bfloat16" } as const;

const arrays = {
  1: Float32Array, 2: Uint8Array, 3: Int8Array, 4: Uint16Array, 5: Int16Array, 6: Int32Array, 7: BigInt64Array, 9: Uint8Array, 10: Uint16Array, 12: Uint32Array, 13: BigUint64Array, 16: Uint16Array,
} as const;

/** What ONNX Runtime takes; half floats as their bits. */
export type Data = Float32Array | Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | BigInt64Array | BigUint64Array;

/** Little-endian bytes as the array that ONNX Runtime takes. */
export function arrayOf(dtype: Dtype, bytes: Uint8Array): Data {
  return new arrays[dtype](new Uint8Array(bytes).buffer);
}

/** Elements of committed bytes. */
export function typedOf(dtype: Dtype, bytes: Uint8Array): Typed {
  const data = arrayOf(dtype, bytes);
  if (dtype === dtypes.float32) return Array.from(data as Float32Array);
  return Array.from(data as ArrayLike<number | bigint>, (value) => (dtype === dtypes.bool ? (value === 0 ? 0n : 1n) : BigInt(value)));
}

/** An integer as the type keeps it. */
export function wrap(dtype: Dtype, value: bigint): bigint {
  if (dtype === dtypes.bool) return value === 0n ? 0n : 1n;
  const bits = 8 * dtypeBytes[dtype];
  return typeNames[dtype].startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
}

/** Bytes of a tensor message as an array that ONNX Runtime takes. */
export function tensorArray(tensor: TensorProto): ReturnType<typeof arrayOf> {
  return arrayOf(tensor.dataType as Dtype, tensorBytes(tensor));
}
