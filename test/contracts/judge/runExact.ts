import { wrap } from "../../support/typedTensor.ts";
import type { Dtype } from "../../../protocol/program/types.ts";

const WORD = 1n << 256n;

/** Keeps 256 bits in two's complement. */
function settle(x: bigint): bigint {
  return BigInt.asIntN(256, ((x % WORD) + WORD) % WORD);
}

const unary: Readonly<Record<number, (x: bigint) => bigint>> = {
  0x20: (x) => -x,
  0x21: (x) => (x < 0n ? -x : x),
  0x30: (x) => (x < 0n ? 0n : x),
  0x44: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  0x4c: (x) => (x === 0n ? 1n : 0n),
};

const binary: Readonly<Record<number, (x: bigint, y: bigint) => bigint | boolean>> = {
  0x10: (x, y) => x + y,
  0x11: (x, y) => x - y,
  0x12: (x, y) => x * y,
  0x13: (x, y) => x / y,
  0x14: (x, y) => (x < y ? y : x),
  0x15: (x, y) => (x < y ? x : y),
  0x48: (x, y) => x < y,
  0x49: (x, y) => x <= y,
  0x4a: (x, y) => x === y,
  0x4d: (x, y) => x !== 0n && y !== 0n,
  0x4e: (x, y) => x !== 0n || y !== 0n,
  0x4f: (x, y) => (x === 0n) !== (y === 0n),
};

/** Runs postfix bytecode of docs/protocol.md §2 in the integer domain; undefined if it has an opcode that is not of that domain. */
export function runExact(code: Uint8Array, slots: readonly bigint[]): bigint | "anything" | undefined {
  const stack: bigint[] = [];
  let divided = false;
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    if (opcode === 0x01) stack.push(slots[code[++at] as number] as bigint);
    else if (opcode === 0x03) {
      stack.push(BigInt.asIntN(64, BigInt(`0x${Buffer.from(code.subarray(at + 1, at + 9)).toString("hex")}`)));
      at += 8;
    } else if (opcode === 0x59) stack.push(wrap(code[++at] as Dtype, stack.pop() as bigint));
    else if (opcode === 0x50) {
      const [condition, a, b] = stack.splice(-3) as [bigint, bigint, bigint];
      stack.push(condition === 0n ? b : a);
    } else if (unary[opcode] !== undefined) stack.push(settle(unary[opcode](stack.pop() as bigint)));
    else if (binary[opcode] !== undefined) {
      const [x, y] = stack.splice(-2) as [bigint, bigint];
      if (opcode === 0x13 && y === 0n) {
        divided = true;
        stack.push(x);
      } else stack.push(settle(BigInt(binary[opcode](x, y))));
    } else return undefined;
  }
  return divided ? "anything" : stack[0];
}
