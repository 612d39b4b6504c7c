import type { RawElement } from "../program/elements.ts";
import { dtypes, type Dtype } from "../program/types.ts";

const ranges: Readonly<Partial<Record<number, readonly [least: bigint, greatest: bigint]>>> = {
  [dtypes.uint8]: [0n, 255n],
  [dtypes.int8]: [-128n, 127n],
  [dtypes.int32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [dtypes.int64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [dtypes.bool]: [0n, 1n],
};

/** Whether the judge decides elements of this type. */
export function isJudged(dtype: number): boolean {
  return dtype === dtypes.float32 || isInteger(dtype);
}

/** Whether a type has integers; bool is one. */
export function isInteger(dtype: number): boolean {
  return ranges[dtype] !== undefined;
}

/** Least and greatest value of an integer type. */
export function limitsOf(dtype: Dtype): readonly [least: bigint, greatest: bigint] {
  return ranges[dtype] ?? [0n, 1n];
}

/** The value that an integer type keeps: two's complement, for bool whether it is not zero. */
export function wrap(value: bigint, dtype: Dtype): bigint {
  if (dtype === dtypes.bool) return value === 0n ? 0n : 1n;
  const [least, greatest] = limitsOf(dtype);
  if (value >= least && value <= greatest) return value;
  const bits = dtype === dtypes.int64 ? 64 : dtype === dtypes.int32 ? 32 : 8;
  return least < 0n ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** The integer that an element stands for; any byte but 0 is the bool 1. */
export function integerOf(raw: RawElement, dtype: Dtype): bigint {
  if (dtype === dtypes.bool) return Number(raw) === 0 ? 0n : 1n;
  return BigInt(raw);
}
