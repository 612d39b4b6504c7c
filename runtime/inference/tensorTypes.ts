import { GainsayError } from "../../protocol/errors.ts";
import { dtypeBytes, dtypes, type Dtype, type DtypeName } from "../../protocol/program/types.ts";

const names = Object.fromEntries(Object.entries(dtypes).map(([name, number]) => [number, name])) as Record<Dtype, DtypeName>;

/** ONNX Runtime's name of an element type, such as `float32`. */
export function dtypeName(dtype: Dtype): DtypeName {
  return names[dtype] ?? unsupported(String(dtype));
}

/** Element type by ONNX Runtime's name; throws `DTYPE_UNSUPPORTED` for one that programs do not have. */
export function dtypeFromName(name: string): Dtype {
  return Object.hasOwn(dtypes, name) ? dtypes[name as DtypeName] : unsupported(name);
}

/** Bytes of a tensor of this type and shape. */
export function tensorByteLength(dtype: Dtype, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1) * dtypeBytes[dtype];
}

/** Elements of a tensor as numbers; 64-bit integers come as bigint, float16 and bfloat16 as their 16 bits. */
export type TypedTensor = Float32Array | Uint8Array | Int8Array | Int16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array | Uint16Array;

/** Views bytes as elements; copies them first if they do not start at a whole element of their buffer. */
export function viewTyped(dtype: Dtype, bytes: Uint8Array): TypedTensor {
  const size = dtypeBytes[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = aligned;
  const length = aligned.byteLength / size;
  switch (dtype) {
    case dtypes.float32:
      return new Float32Array(buffer, byteOffset, length);
    case dtypes.int8:
      return new Int8Array(buffer, byteOffset, length);
    case dtypes.int32:
      return new Int32Array(buffer, byteOffset, length);
    case dtypes.int64:
      return new BigInt64Array(buffer, byteOffset, length);
    case dtypes.int16:
      return new Int16Array(buffer, byteOffset, length);
    case dtypes.uint32:
      return new Uint32Array(buffer, byteOffset, length);
    case dtypes.uint64:
      return new BigUint64Array(buffer, byteOffset, length);
    case dtypes.uint16:
    case dtypes.float16:
    case dtypes.bfloat16:
      return new Uint16Array(buffer, byteOffset, length);
    case dtypes.uint8:
    case dtypes.bool:
      return new Uint8Array(buffer, byteOffset, length);
  }
}

function unsupported(name: string): never {
  throw new GainsayError(`Tensors of element type ${name} cannot be run; use one of ${Object.keys(dtypes).join(", ")}.`, {
    code: "DTYPE_UNSUPPORTED",
    kind: "usage",
    details: { dtype: name },
  });
}
