import { GainsayError } from "../../protocol/errors.ts";
import { dtypeBytes, type Dtype } from "../../protocol/program/types.ts";
import { dtypeFromName } from "./tensorTypes.ts";
import type { ValueInfo } from "./types.ts";

/** What the library says of an input or output. */
export interface RawValueInfo {
  name: string;
  isTensor: boolean;
  /** Number of the element type, which is that of ONNX. */
  type: number;
  /** A dimension that is not fixed is −1, … */
  shape: readonly number[];
  /** … and may have a symbol. */
  symbolicDimensions: readonly string[];
}

/** Names of element types that programs do not have, by their number. */
const foreignTypes: Readonly<Record<number, string>> = { 8: "string", 11: "float64", 14: "complex64", 15: "complex128", 21: "uint4", 22: "int4" };

/** Reads it; throws `DTYPE_UNSUPPORTED`, or `MODEL_LOAD_FAILED` for what is no tensor. */
export function valueInfo({ name, isTensor, type, shape, symbolicDimensions }: RawValueInfo): ValueInfo {
  if (!isTensor) throw new GainsayError(`The value ${name} is not a tensor; only tensors can go in or out.`, { code: "MODEL_LOAD_FAILED", kind: "usage" });
  return { name, dtype: dtypeFromNumber(type), shape: shape.map((size, axis) => (size === -1 ? (symbolicDimensions[axis] ?? "") : size)) };
}

export function dtypeFromNumber(type: number): Dtype {
  return Object.hasOwn(dtypeBytes, type) ? (type as Dtype) : dtypeFromName(foreignTypes[type] ?? `number ${type}`);
}
