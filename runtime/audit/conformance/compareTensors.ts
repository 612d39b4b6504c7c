import type { Dtype } from "../../../protocol/program/types.ts";
import { elementType, readElement } from "../elementTypes.ts";

/** Tolerances with which ONNX's own backend tests compare floats: |actual − expected| ≤ atol + rtol·|expected|. */
const RTOL = 1e-3;
const ATOL = 1e-7;

export interface TensorDifference {
  /** Elements that differ beyond the tolerances. */
  differing: number;
  count: number;
  /** The first of them, in words. */
  first: string;
}

/** Where a computed tensor differs from a published one of the same length, beyond the tolerances of ONNX's backend tests. */
export function compareTensors(dtype: Dtype, actual: Uint8Array, expected: Uint8Array): TensorDifference {
  const type = elementType(dtype);
  const count = expected.length / type.bytes;
  let differing = 0;
  let first = "";
  for (let i = 0; i < count; i++) {
    const [bits, wanted] = [readElement(dtype, actual, i), readElement(dtype, expected, i)];
    if (bits === wanted) continue;
    const [a, b] = [type.value(bits), type.value(wanted)];
    if (type.isFloat && (a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= ATOL + RTOL * Math.abs(b))) continue;
    if (differing++ === 0) first = `element ${i} is ${a} instead of ${b}`;
  }
  return { differing, count, first };
}
