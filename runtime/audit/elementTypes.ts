import { floatOf } from "../../protocol/judge/float32.ts";
import { dtypeBytes, dtypes, type Dtype, type Verdict } from "../../protocol/program/types.ts";
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from "../../protocol/program/halfFloat.ts";
import type { Random } from "./random.ts";

/** What an audit must know of an element type. Elements are their bits as unsigned numbers. */
export interface ElementType {
  readonly bytes: number;
  readonly isFloat: boolean;
  /** The bits of a NaN, where the type has one. */
  readonly nan: bigint | undefined;
  /** First and last place of `order`. */
  readonly least: bigint;
  readonly greatest: bigint;
  /** Place among the type's values, ascending, neighbours one apart; −0 and +0 share place 0. Undefined for a NaN. */
  order(bits: bigint): bigint | undefined;
  /** Inverse of `order`. */
  at(place: bigint): bigint;
  /** Bits of the value with the other sign; undefined if there is none, or it is the same value. */
  negated(bits: bigint): bigint | undefined;
  value(bits: bigint): number;
  /** Bits of the value nearest to a number; of integers, which must be whole, those of its two's complement. */
  nearest(value: number): bigint;
  /**
   * Places of the least and the greatest value of a verdict's enclosure, the first above the second if it is empty. Undefined for
   * types whose verdicts are no enclosures of floats.
   */
  enclosure(verdict: Pick<Verdict, "lo" | "hi">): { lo: bigint; hi: bigint } | undefined;
  /** Bits of a seeded input: floats from −1 to 1; integers that also serve as small indices, below `range`. */
  seeded(random: Random, range: number): bigint;
}

const view = new DataView(new ArrayBuffer(8));

interface FloatFormat {
  bytes: number;
  mantissa: number;
  exponent: number;
  toNumber(bits: number): number;
  /** Bits of the nearest value. */
  fromNumber(value: number): number;
}

function floatType({ bytes, mantissa, exponent, toNumber, fromNumber }: FloatFormat): ElementType {
  const sign = 1n << BigInt(bytes * 8 - 1);
  const infinity = ((1n << BigInt(exponent)) - 1n) << BigInt(mantissa);
  const order = (bits: bigint): bigint | undefined => {
    const magnitude = bits & (sign - 1n);
    if (magnitude > infinity) return undefined;
    return bits & sign ? -magnitude : magnitude;
  };
  const value = (bits: bigint): number => toNumber(Number(bits));
  const at = (place: bigint): bigint => (place < 0n ? sign | -place : place);
  /** Place of the value nearest to a number, on the side asked for. */
  const placeOf = (end: number, up: boolean): bigint => {
    const place = order(BigInt(fromNumber(end))) as bigint;
    const found = value(at(place));
    return up && found < end ? place + 1n : !up && found > end ? place - 1n : place;
  };
  return {
    bytes,
    isFloat: true,
    nan: infinity | (1n << BigInt(mantissa - 1)),
    least: -infinity,
    greatest: infinity,
    order,
    at,
    negated: (bits) => (order(bits) === undefined || order(bits) === 0n ? undefined : bits ^ sign),
    value,
    nearest: (number) => BigInt(fromNumber(number)),
    // Whatever the element type, verdicts of floats enclose with float32 ends.
    enclosure: ({ lo, hi }) => ({ lo: placeOf(floatOf(Number(lo)), true), hi: placeOf(floatOf(Number(hi)), false) }),
    seeded: (random) => BigInt(fromNumber(random.unit() * 2 - 1)),
  };
}

function integerType(bytes: number, signed: boolean, indices: boolean, bits = bytes * 8): ElementType {
  const least = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const greatest = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  const order = (raw: bigint): bigint => (signed ? BigInt.asIntN(bytes * 8, raw) : raw);
  const at = (place: bigint): bigint => BigInt.asUintN(bytes * 8, place);
  return {
    bytes,
    isFloat: false,
    nan: undefined,
    least,
    greatest,
    order,
    at,
    negated: (raw) => (signed && order(raw) !== 0n && -order(raw) <= greatest ? at(-order(raw)) : undefined),
    value: (raw) => Number(order(raw)),
    nearest: (number) => at(BigInt(number)),
    enclosure: () => undefined,
    seeded: (random, range) => at(indices ? BigInt(random.below(range)) : least + BigInt(random.below(Number(greatest - least) + 1))),
  };
}

/** One row an element type of programs; a new type is a new row. */
const table: Readonly<Record<Dtype, ElementType>> = {
  [dtypes.float32]: floatType({ bytes: 4, mantissa: 23, exponent: 8, toNumber: floatOf, fromNumber: float32Bits }),
  [dtypes.float16]: floatType({ bytes: 2, mantissa: 10, exponent: 5, toNumber: halfToNumber, fromNumber: numberToHalf }),
  [dtypes.bfloat16]: floatType({ bytes: 2, mantissa: 7, exponent: 8, toNumber: bfloatToNumber, fromNumber: numberToBfloat }),
  [dtypes.int8]: integerType(1, true, false),
  [dtypes.uint8]: integerType(1, false, false),
  [dtypes.int16]: integerType(2, true, true),
  [dtypes.uint16]: integerType(2, false, true),
  [dtypes.int32]: integerType(4, true, true),
  [dtypes.uint32]: integerType(4, false, true),
  [dtypes.int64]: integerType(8, true, true),
  [dtypes.uint64]: integerType(8, false, true),
  [dtypes.bool]: integerType(1, false, false, 1),
};

/** The row of an element type. */
export function elementType(dtype: Dtype): ElementType {
  return table[dtype];
}

/** Bits of element `index` of committed bytes. */
export function readElement(dtype: Dtype, bytes: Uint8Array, index: number): bigint {
  const size = dtypeBytes[dtype];
  let bits = 0n;
  for (let k = size - 1; k >= 0; k--) bits = (bits << 8n) | BigInt(bytes[index * size + k] as number);
  return bits;
}

/** Sets element `index` of committed bytes. */
export function writeElement(dtype: Dtype, bytes: Uint8Array, index: number, bits: bigint): void {
  const size = dtypeBytes[dtype];
  for (let k = 0, rest = bits; k < size; k++, rest >>= 8n) bytes[index * size + k] = Number(rest & 0xffn);
}

function float32Bits(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}
