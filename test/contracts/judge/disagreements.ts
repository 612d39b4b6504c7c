import { numberToBfloat, numberToHalf } from "../../../protocol/program/halfFloat.ts";
import type { RawElement } from "../../../protocol/program/elements.ts";
import { dtypes, type Dtype } from "../../../protocol/program/types.ts";
import { operandOf, stepOf } from "../../protocol/judge/makeStep.ts";
import type { Case } from "./randomCase.ts";

/** A case in which honest kernels give different values, or where they begin or cease to. */
export interface Disagreement {
  label: string;
  made: Case;
  sound: readonly RawElement[];
  fraud: readonly RawElement[];
}

/** A sum of half floats whose intermediate lies between the largest one and where rounding to nearest gives infinity. */
function pastTheLargest(label: string, dtype: Dtype, bitsOf: (value: number) => number, greatest: number, little: number): Disagreement {
  const each = { ...operandOf(2, 1), dtype };
  const step = { ...stepOf(2, [], [], [each, each, each], [0x01, 0, 0x01, 1, 0x10, 0x5a, dtype, 0x01, 2, 0x10, 0x5a, dtype]), profile: 2 };
  step.result.dtype = dtype;
  const operands = [greatest, little, -greatest].map((value) => new Uint8Array(Uint16Array.of(bitsOf(value)).buffer));
  return { label, made: { label, step, operands, element: 0 }, sound: [0, little].map(bitsOf), fraud: [-little, 2 * little, Infinity].map(bitsOf) };
}

/** A sum of int64 or int32 along the one dimension. */
function sumOf(label: string, dtype: Dtype, taps: readonly bigint[], sound: readonly bigint[], fraud: readonly bigint[], expression: number[] = []): Disagreement {
  const step = stepOf(3, [], [taps.length], [{ ...operandOf(0, taps.length, { reduceStrides: [1] }), dtype }], expression, 3);
  step.result.dtype = dtype;
  const array = dtype === dtypes.int64 ? BigInt64Array.from(taps) : Int32Array.from(taps, Number);
  return { label, made: { label, step, operands: [new Uint8Array(array.buffer)], element: 0 }, sound, fraud };
}

const top = 2n ** 31n - 1n;
const wide = 2n ** 53n;

export const disagreements: readonly Disagreement[] = [
  pastTheLargest("a float16 beyond the largest", dtypes.float16, numberToHalf, 65504, 15),
  pastTheLargest("a bfloat16 beyond the largest", dtypes.bfloat16, numberToBfloat, 255 * 2 ** 120, 0.9375 * 2 ** 119),
  sumOf("an int32 sum that just fits", dtypes.int32, [top, top, -top, -1n], [top - 1n], [top, top - 2n]),
  sumOf("an int32 sum that does not", dtypes.int32, [top, 1n, 0n], [top, -top - 1n, 0n], []),
  sumOf("an int32 sum below its type", dtypes.int32, [-top, -2n], [top, -top - 1n, 0n], []),
  sumOf("an int32 sum that does not fit, wrapped to a byte", dtypes.int32, [top, 1n, 0n], [0n, -1n, top], [], [0x01, 0, 0x59, dtypes.int8]),
  sumOf("an int64 sum in which doubles are exact", dtypes.int64, [wide - 2n, -2n], [wide - 4n], [wide - 3n, wide - 5n]),
  sumOf("an int64 sum beyond doubles", dtypes.int64, [wide + 1n, 0n], [wide, wide + 1n], []),
  sumOf("an int64 sum with more on the way", dtypes.int64, [wide, -1n], [wide, wide - 1n], []),
  sumOf("an int64 sum beyond its type", dtypes.int64, [2n ** 63n - 1n, 1n], [2n ** 63n - 1n, -(2n ** 63n)], []),
];
