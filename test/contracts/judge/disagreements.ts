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

export const disagreements: readonly Disagreement[] = [
  pastTheLargest("a float16 beyond the largest", dtypes.float16, numberToHalf, 65504, 15),
  pastTheLargest("a bfloat16 beyond the largest", dtypes.bfloat16, numberToBfloat, 255 * 2 ** 120, 0.9375 * 2 ** 119),
];
