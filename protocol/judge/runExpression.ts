import { arityOf, immediateOf, opcodes } from "./expressionCode.ts";
import { judgeError } from "./judgeError.ts";

const MAX_DEPTH = 16;

/** What the values of a domain are and what instructions make of them. An undefined answer is an instruction that the domain lacks. */
export interface Domain<T> {
  constant(opcode: number, bytes: DataView): T | undefined;
  apply(opcode: number, inputs: readonly T[], immediate: number): T | undefined;
}

/** Runs postfix bytecode (docs/protocol.md §2) over slots in a domain; an empty one is slot 0. */
export function runExpression<T>(code: Uint8Array, slots: readonly T[], domain: Domain<T>): T {
  if (code.length === 0) {
    if (slots[0] === undefined) throw judgeError("ExpressionSlot", "An empty expression needs a value.", { slot: 0 });
    return slots[0];
  }
  const stack: T[] = [];
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    const length = immediateOf(opcode);
    if (at + length >= code.length) throw judgeError("ExpressionTruncated", "The expression ends inside an instruction.", { at });
    const bytes = new DataView(code.buffer, code.byteOffset + at + 1, length);
    let value: T | undefined;
    if (opcode < 0x10) {
      if (stack.length >= MAX_DEPTH) throw stackError(stack.length + 1);
      if (opcode === opcodes.slot) {
        value = slots[bytes.getUint8(0)];
        if (value === undefined) throw judgeError("ExpressionSlot", "The expression names a slot that is not there.", { slot: bytes.getUint8(0) });
      } else {
        value = domain.constant(opcode, bytes);
      }
    } else {
      const arity = arityOf(opcode);
      if (stack.length < arity) throw stackError(stack.length);
      const immediate = length === 4 ? bytes.getUint32(0) : length === 1 ? bytes.getUint8(0) : 0;
      value = domain.apply(opcode, stack.splice(stack.length - arity), immediate);
    }
    if (value === undefined) throw judgeError("ExpressionOpcode", "The expression has an instruction that this version does not know.", { opcode });
    stack.push(value);
    at += length;
  }
  if (stack.length !== 1) throw stackError(stack.length);
  return stack[0] as T;
}

function stackError(depth: number) {
  return judgeError("ExpressionStack", "The expression's stack is too deep or too empty.", { depth });
}
