import { GainsayError } from "../../protocol/errors.ts";
import type { TensorSpec } from "../../protocol/program/types.ts";

/** Element types that files hold. */
export type RawDtype = "float64" | "float32" | "float16" | "bfloat16" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "bool";

export const rawBytes: Readonly<Record<RawDtype, number>> = { float64: 8, float32: 4, float16: 2, bfloat16: 2, int8: 1, int16: 2, int32: 4, int64: 8, uint8: 1, uint16: 2, uint32: 4, uint64: 8, bool: 1 };

/** A tensor as a file holds it: little-endian elements, row-major. */
export interface RawTensor {
  dtype: RawDtype;
  shape: number[];
  bytes: Uint8Array;
  /** Numbers written in decimal, whose rounding to the wanted type goes without saying. */
  decimal?: boolean;
  /** What was done to the file's content on the way, for people. */
  notes?: string[];
}

/** A fault of the file's content; `what` continues "The file F …". */
export function badInput(file: string, what: string, details: Record<string, unknown> = {}, cause?: unknown): GainsayError {
  return new GainsayError(`The file ${file} ${what}.`, { code: "INPUT_MALFORMED", kind: "usage", details: { file, ...details }, ...(cause === undefined ? {} : { cause }) });
}

/** A file that is sound but not what the model's input needs. */
export function unfitInput(file: string, spec: TensorSpec, what: string, details: Record<string, unknown> = {}): GainsayError {
  return new GainsayError(`The file ${file} does not fit the input ${JSON.stringify(spec.name)}: ${what}.`, { code: "INPUT_MISMATCH", kind: "usage", details: { file, input: spec.name, ...details } });
}

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
