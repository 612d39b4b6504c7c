import { GainsayError } from "../errors.ts";
import { halfToFloatBits } from "./halfFloat.ts";
import { dtypeBytes, dtypes, type Dtype } from "./types.ts";

/**
 * One element as the judge takes it: a float as the bits (unsigned) of the float32 with its value, 64-bit integers as a bigint, smaller
 * ones and bool as their value.
 */
export type RawElement = number | bigint;

/** Reads elements of committed bytes. Throws `DTYPE_UNSUPPORTED` for an element type that is not judged. */
export function elementReader(bytes: Uint8Array, dtype: Dtype): (index: number) => RawElement {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = dtypeBytes[dtype];
  switch (dtype) {
    case dtypes.float32:
      return (index) => view.getUint32(index * size, true);
    case dtypes.int32:
      return (index) => view.getInt32(index * size, true);
    case dtypes.int64:
      return (index) => view.getBigInt64(index * size, true);
    case dtypes.int8:
      return (index) => view.getInt8(index);
    case dtypes.uint8:
    case dtypes.bool:
      return (index) => view.getUint8(index);
    case dtypes.uint16:
      return (index) => view.getUint16(index * size, true);
    case dtypes.int16:
      return (index) => view.getInt16(index * size, true);
    case dtypes.uint32:
      return (index) => view.getUint32(index * size, true);
    case dtypes.uint64:
      return (index) => view.getBigUint64(index * size, true);
    case dtypes.float16:
      return (index) => halfToFloatBits(view.getUint16(index * size, true));
    case dtypes.bfloat16:
      return (index) => view.getUint16(index * size, true) * 2 ** 16;
    default:
      throw new GainsayError("Elements of this type are not judged.", { code: "DTYPE_UNSUPPORTED", details: { dtype } });
  }
}

/** The elements of a float32 tensor, where it lies if it begins at a multiple of four, else in a copy. */
export function floatsIn(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** Whether a type has floats. */
export function isFloat(dtype: number): boolean {
  return dtype === dtypes.float32 || isHalf(dtype);
}

/** Whether a type has floats of 16 bits. */
export function isHalf(dtype: number): boolean {
  return dtype === dtypes.float16 || dtype === dtypes.bfloat16;
}

/** The number that an element stands for; 64-bit integers beyond 2⁵³ are rounded. */
export function elementValue(raw: RawElement, dtype: Dtype): number {
  if (!isFloat(dtype)) return Number(raw);
  scratch.setUint32(0, Number(raw));
  return scratch.getFloat32(0);
}

const scratch = new DataView(new ArrayBuffer(4));

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
