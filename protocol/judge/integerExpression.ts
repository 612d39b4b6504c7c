import type { Dtype } from "../program/types.ts";
import { isInteger, wrap } from "./elementType.ts";
import { opcodes } from "./expressionCode.ts";
import { runExpression, type Domain } from "./runExpression.ts";

const truth = (holds: boolean): bigint => (holds ? 1n : 0n);
const word = (value: bigint): bigint => BigInt.asIntN(256, value);

const binary: Readonly<Record<number, (x: bigint, y: bigint) => bigint>> = {
  0x10: (x, y) => word(x + y),
  0x11: (x, y) => word(x - y),
  0x12: (x, y) => word(x * y),
  0x13: (x, y) => word(x / y),
  0x14: (x, y) => (x > y ? x : y),
  0x15: (x, y) => (x < y ? x : y),
  0x48: (x, y) => truth(x < y),
  0x49: (x, y) => truth(x <= y),
  0x4a: (x, y) => truth(x === y),
  0x4d: (x, y) => truth(x !== 0n && y !== 0n),
  0x4e: (x, y) => truth(x !== 0n || y !== 0n),
  0x4f: (x, y) => truth((x !== 0n) !== (y !== 0n)),
};

const unary: Readonly<Record<number, (x: bigint) => bigint>> = {
  0x20: (x) => word(-x),
  0x21: (x) => word(x < 0n ? -x : x),
  0x30: (x) => (x > 0n ? x : 0n),
  0x44: (x) => truth(x > 0n) - truth(x < 0n),
  0x4c: (x) => truth(x === 0n),
};

/** The exact value of an expression over integers modulo 2^256; undefined if something is divided by zero, when every value is sound. */
export function evaluateIntegers(code: Uint8Array, slots: readonly bigint[]): bigint | undefined {
  let defined = true;
  const integers: Domain<bigint> = {
    constant: (opcode, bytes) => (opcode === opcodes.integer ? bytes.getBigInt64(0) : undefined),
    apply(opcode, [x, y, z], immediate) {
      const first = x as bigint;
      if (opcode === opcodes.wrap) return isInteger(immediate) ? wrap(first, immediate as Dtype) : undefined;
      if (opcode === opcodes.select) return first !== 0n ? y : z;
      if (y === undefined) return unary[opcode]?.(first);
      if (opcode === 0x13 && y === 0n) {
        defined = false;
        return first;
      }
      return binary[opcode]?.(first, y);
    },
  };
  const value = runExpression(code, slots, integers);
  return defined ? value : undefined;
}
