import { dtypes } from "../protocol/program/types.ts";
import type { DecodedOutput } from "../runtime/inference/decodeOutput.ts";
import { dtypeName } from "../runtime/inference/tensorTypes.ts";
import { bfloatToNumber, halfToNumber } from "../protocol/program/halfFloat.ts";
import { shortestFloat } from "./floatText.ts";

/** Elements that are printed and put into JSON at most; the rest goes into files. */
const MAX_VALUES = 10_000;
const TOP = 5;

/** Numbers that JSON lacks are written as text; so are 64-bit integers. */
export type JsonNumber = number | string;

export interface OutputSummary {
  name: string;
  dtype: string;
  shape: number[];
  /** All elements, row-major; null if there are more than ten thousand. */
  values: JsonNumber[] | null;
  /** Index of the largest element, for outputs of shape [N] or [1,N] with N > 1; else null. */
  label: number | null;
  /** The largest elements, largest first; empty where there is no label. */
  top: { index: number; value: JsonNumber }[];
}

/** An output as its users want to read it. */
export function describeOutput(output: DecodedOutput): OutputSummary {
  const { name, dtype, shape } = output;
  const top = isScores(shape) ? largest(output) : [];
  return { name, dtype: dtypeName(dtype), shape, values: output.data.length > MAX_VALUES ? null : jsonValues(output), label: top[0]?.index ?? null, top };
}

/** All elements as numbers; a float32 as the shortest decimal that stands for it. */
export function jsonValues({ dtype, data }: DecodedOutput): JsonNumber[] {
  return Array.from(data as ArrayLike<number | bigint>, (value) => jsonNumber(numberOf(dtype, value)));
}

function numberOf(dtype: DecodedOutput["dtype"], value: number | bigint): number | bigint {
  if (typeof value === "bigint") return value;
  if (dtype === dtypes.float16) return halfToNumber(value);
  if (dtype === dtypes.bfloat16) return bfloatToNumber(value);
  return dtype === dtypes.float32 ? shortestFloat(value) : value;
}

function jsonNumber(value: number | bigint): JsonNumber {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return Number.isFinite(value) ? value : String(value);
}

function isScores(shape: readonly number[]): boolean {
  const count = shape.at(-1) ?? 1;
  return count > 1 && shape.slice(0, -1).every((size) => size === 1);
}

function largest({ dtype, data }: DecodedOutput): { index: number; value: JsonNumber }[] {
  const values = Array.from(data as ArrayLike<number | bigint>, (value, index) => ({ index, value: numberOf(dtype, value) })).filter(({ value }) => !Number.isNaN(value));
  values.sort((a, b) => (a.value === b.value ? a.index - b.index : a.value < b.value ? 1 : -1));
  return values.slice(0, TOP).map(({ index, value }) => ({ index, value: jsonNumber(value) }));
}
