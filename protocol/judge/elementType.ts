import { isFloat, isHalf, type RawElement } from "../program/elements.ts";
import { dtypeBytes, dtypes, profiles, type Dtype } from "../program/types.ts";

const signed = (bits: bigint) => [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] as const;
const unsigned = (bits: bigint) => [0n, 2n ** bits - 1n] as const;

const ranges: Readonly<Partial<Record<number, readonly [least: bigint, greatest: bigint]>>> = {
  [dtypes.uint8]: unsigned(8n),
  [dtypes.int8]: signed(8n),
  [dtypes.uint16]: unsigned(16n),
  [dtypes.int16]: signed(16n),
  [dtypes.uint32]: unsigned(32n),
  [dtypes.int32]: signed(32n),
  [dtypes.uint64]: unsigned(64n),
  [dtypes.int64]: signed(64n),
  [dtypes.bool]: [0n, 1n],
};

/** Whether the judge decides elements of this type: all profiles have integers and float32, one also the half floats. */
export function isJudged(dtype: number, profile: number): boolean {
  return isInteger(dtype) || (isFloat(dtype) && (profile === profiles.halfStorage || !isHalf(dtype)));
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
  const bits = 8 * dtypeBytes[dtype];
  return least < 0n ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** The integer that an element stands for; any byte but 0 is the bool 1. */
export function integerOf(raw: RawElement, dtype: Dtype): bigint {
  if (dtype === dtypes.bool) return Number(raw) === 0 ? 0n : 1n;
  return BigInt(raw);
}
