import { GainsayError } from "../errors.ts";
import { dtypeBytes, dtypes, type Dtype } from "./types.ts";

/** One element as the judge takes it: float32 as its bits (unsigned), int64 as a bigint, smaller integers and bool as their value. */
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
    default:
      throw new GainsayError("Elements of this type are not judged.", { code: "DTYPE_UNSUPPORTED", details: { dtype } });
  }
}

/** The number that an element stands for; int64 beyond 2⁵³ is rounded. */
export function elementValue(raw: RawElement, dtype: Dtype): number {
  if (dtype !== dtypes.float32) return Number(raw);
  scratch.setUint32(0, Number(raw));
  return scratch.getFloat32(0);
}

const scratch = new DataView(new ArrayBuffer(4));
