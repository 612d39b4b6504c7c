import { create } from "@bufbuild/protobuf";
import { GainsayError } from "../errors.ts";
import { elementCount } from "../program/elements.ts";
import { bfloatToNumber, halfToNumber } from "../program/halfFloat.ts";
import { TensorProtoSchema, type TensorProto } from "./generated/onnx_pb.ts";

/** Bytes of one element by `TensorProto.DataType`; types that are packed or of variable size are missing. */
const elementBytes: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2 };

/** Dimensions of a tensor. */
export function tensorShape(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/**
 * Elements of a tensor as little-endian bytes, row-major, whichever field of the message holds them.
 * Throws `MODEL_TENSOR` if the length does not fit the dimensions or the element type has no fixed size.
 */
export function tensorBytes(tensor: TensorProto): Uint8Array {
  const size = elementBytes[tensor.dataType];
  const count = elementCount(tensorShape(tensor));
  if (size === undefined) throw malformed(tensor, "has an element type without a fixed size");
  const bytes = tensor.rawData.length > 0 ? tensor.rawData : typedFieldBytes(tensor, size);
  if (bytes.length !== count * size) throw malformed(tensor, `holds ${bytes.length} bytes where its shape needs ${count * size}`);
  return bytes;
}

/** Elements of a float32, float16 or bfloat16 tensor. */
export function floatValues(tensor: TensorProto): Float32Array {
  const bytes = aligned(tensorBytes(tensor));
  if (tensor.dataType === 1) return new Float32Array(bytes);
  if (tensor.dataType === 10) return Float32Array.from(new Uint16Array(bytes), halfToNumber);
  if (tensor.dataType === 16) return Float32Array.from(new Uint16Array(bytes), bfloatToNumber);
  throw malformed(tensor, "is not float32, float16 or bfloat16");
}

/** Elements of an integer or bool tensor as numbers; those beyond 2⁵³ are rounded. */
export function integerValues(tensor: TensorProto): number[] {
  const bytes = aligned(tensorBytes(tensor));
  if (tensor.dataType === 7) return Array.from(new BigInt64Array(bytes), Number);
  if (tensor.dataType === 13) return Array.from(new BigUint64Array(bytes), Number);
  if (tensor.dataType === 12) return Array.from(new Uint32Array(bytes));
  if (tensor.dataType === 4) return Array.from(new Uint16Array(bytes));
  if (tensor.dataType === 5) return Array.from(new Int16Array(bytes));
  if (tensor.dataType === 6) return Array.from(new Int32Array(bytes));
  if (tensor.dataType === 2) return Array.from(new Uint8Array(bytes));
  if (tensor.dataType === 3) return Array.from(new Int8Array(bytes));
  if (tensor.dataType === 9) return Array.from(new Uint8Array(bytes), (value) => (value === 0 ? 0 : 1));
  throw malformed(tensor, "is not an integer tensor");
}

/** A tensor message from little-endian bytes. */
export function makeTensor(name: string, dataType: number, shape: readonly number[], bytes: Uint8Array): TensorProto {
  return create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData: bytes });
}

function typedFieldBytes(tensor: TensorProto, size: number): Uint8Array {
  switch (tensor.dataType) {
    case 1:
      return bytesOf(Float32Array.from(tensor.floatData));
    case 7:
      return bytesOf(BigInt64Array.from(tensor.int64Data));
    case 11:
      return bytesOf(Float64Array.from(tensor.doubleData));
    case 12:
      return bytesOf(Uint32Array.from(tensor.uint64Data, Number));
    case 13:
      return bytesOf(BigUint64Array.from(tensor.uint64Data));
    default: {
      // Everything narrower shares int32_data, one element an entry.
      const wide = bytesOf(Int32Array.from(tensor.int32Data));
      const narrow = new Uint8Array(tensor.int32Data.length * size);
      for (let i = 0; i < tensor.int32Data.length; i++) narrow.set(wide.subarray(i * 4, i * 4 + size), i * size);
      return narrow;
    }
  }
}

/** A copy that starts at offset 0; `slice` would not copy a Buffer. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function malformed(tensor: TensorProto, reason: string): GainsayError {
  return new GainsayError(`The tensor ${JSON.stringify(tensor.name)} of the model ${reason}.`, { code: "MODEL_TENSOR", kind: "usage", details: { tensor: tensor.name, dataType: tensor.dataType } });
}
