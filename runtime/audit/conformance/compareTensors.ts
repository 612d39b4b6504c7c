import type { Dtype } from "../../../protocol/program/types.ts";
import { elementType, readElement } from "../elementTypes.ts";

/** Tolerances with which ONNX's own backend tests compare floats: |actual − expected| ≤ atol + rtol·|expected|. */
const RTOL = 1e-3;
const ATOL = 1e-7;

/** What differs between a computed and a published tensor beyond the tolerances of ONNX's backend tests; undefined if nothing does. */
export function compareTensors(dtype: Dtype, actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length) return `it has ${actual.length} bytes instead of ${expected.length}`;
  const type = elementType(dtype);
  for (let i = 0; i * type.bytes < expected.length; i++) {
    const [bits, wanted] = [readElement(dtype, actual, i), readElement(dtype, expected, i)];
    if (bits === wanted) continue;
    const [a, b] = [type.value(bits), type.value(wanted)];
    const close = type.isFloat && (a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= ATOL + RTOL * Math.abs(b));
    if (!close) return `element ${i} is ${a} instead of ${b}`;
  }
  return undefined;
}
