import { isInteger, limitsOf } from "../../protocol/judge/elementType.ts";
import { dtypeBytes, dtypes, type Dtype, type TensorSpec } from "../../protocol/program/types.ts";
import { dtypeName, tensorByteLength } from "../inference/tensorTypes.ts";
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from "../../protocol/program/halfFloat.ts";
import { elementsOf, rawBytes, unfitInput, type RawDtype, type RawTensor } from "./rawTensor.ts";

/** Reads element i of little-endian data; 64-bit integers come as bigint. */
const readers: Readonly<Record<RawDtype, (view: DataView, at: number) => number | bigint>> = {
  float64: (view, at) => view.getFloat64(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  float16: (view, at) => halfToNumber(view.getUint16(at, true)),
  bfloat16: (view, at) => bfloatToNumber(view.getUint16(at, true)),
  int8: (view, at) => view.getInt8(at),
  int16: (view, at) => view.getInt16(at, true),
  int32: (view, at) => view.getInt32(at, true),
  int64: (view, at) => view.getBigInt64(at, true),
  uint8: (view, at) => view.getUint8(at),
  uint16: (view, at) => view.getUint16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  uint64: (view, at) => view.getBigUint64(at, true),
  bool: (view, at) => view.getUint8(at),
};

/**
 * The tensor's elements in the wanted type. Floats may be rounded to a narrower float (with a note), integers must be representable
 * exactly, floats become integers only if they are whole numbers. Throws `INPUT_MISMATCH` and names the first element that cannot be.
 */
export function convertElements(file: string, spec: TensorSpec, raw: RawTensor, notes: string[]): Uint8Array {
  const wanted = dtypeName(spec.dtype);
  if (raw.dtype === wanted && wanted !== "bool") return raw.bytes.slice();
  const count = elementsOf(raw.shape);
  const source = new DataView(raw.bytes.buffer, raw.bytes.byteOffset, raw.bytes.byteLength);
  const out = new Uint8Array(tensorByteLength(spec.dtype, raw.shape));
  const target = new DataView(out.buffer);
  const read = readers[raw.dtype];
  const step = rawBytes[raw.dtype];
  const range = isInteger(spec.dtype) ? limitsOf(spec.dtype) : undefined;
  const sourceIsFloat = raw.dtype.includes("float");
  let rounded = 0;
  for (let i = 0; i < count; i++) {
    const value = read(source, i * step);
    const fail = (why: string): never => {
      throw unfitInput(file, spec, `element ${i} is ${value}, which ${why}`, { element: i });
    };
    if (range !== undefined) {
      if (typeof value === "number" && !Number.isInteger(value)) fail(`is no whole number, and the input is ${wanted}`);
      if (raw.decimal === true && !Number.isSafeInteger(value)) fail("is too large for JSON to hold exactly");
      const whole = BigInt(value);
      if (whole < range[0] || whole > range[1]) fail(`${wanted} cannot hold`);
      writeInteger(target, spec.dtype, i, whole);
    } else {
      const number = Number(value);
      if (typeof value === "bigint" && BigInt(number) !== value) fail(`${wanted} cannot hold exactly`);
      const written = writeFloat(target, spec.dtype, i, number);
      if (Number.isFinite(number) && !Number.isFinite(written)) fail(`is too large for ${wanted}`);
      if (written !== number && !Number.isNaN(number)) {
        if (!sourceIsFloat) fail(`${wanted} cannot hold exactly`);
        rounded++;
      }
    }
  }
  if (raw.decimal !== true && raw.dtype !== wanted) notes.push(`converted from ${raw.dtype} to ${wanted}${rounded > 0 ? `; ${rounded} of ${count} elements were rounded` : ""}`);
  return out;
}

/** How many elements of a float tensor are NaN and how many are infinite. */
export function countNonFinite(dtype: Dtype, bytes: Uint8Array): { nan: number; infinite: number } {
  const found = { nan: 0, infinite: 0 };
  const name = dtypeName(dtype);
  if (!name.includes("float")) return found;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[name];
  for (let at = 0; at < bytes.length; at += rawBytes[name]) {
    const value = read(view, at) as number;
    if (Number.isNaN(value)) found.nan++;
    else if (!Number.isFinite(value)) found.infinite++;
  }
  return found;
}

function writeInteger(target: DataView, dtype: Dtype, i: number, value: bigint): void {
  const size = dtypeBytes[dtype];
  if (size === 8) target.setBigUint64(i * 8, BigInt.asUintN(64, value), true);
  else if (size === 4) target.setInt32(i * 4, Number(value), true);
  else if (size === 2) target.setInt16(i * 2, Number(value), true);
  else target.setUint8(i, Number(value) & 0xff);
}

/** Writes a float and returns what was written. */
function writeFloat(target: DataView, dtype: Dtype, i: number, value: number): number {
  if (dtype === dtypes.float32) {
    target.setFloat32(i * 4, value, true);
    return target.getFloat32(i * 4, true);
  }
  const bits = dtype === dtypes.float16 ? numberToHalf(value) : numberToBfloat(value);
  target.setUint16(i * 2, bits, true);
  return dtype === dtypes.float16 ? halfToNumber(bits) : bfloatToNumber(bits);
}
