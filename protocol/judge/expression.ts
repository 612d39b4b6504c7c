import * as interval from "./interval.ts";
import { flushed, point, type Interval } from "./interval.ts";
import { judgeError } from "./judgeError.ts";
import * as scalar from "./scalar.ts";

const MAX_DEPTH = 16;
const ZERO: Interval = { lo: 0, hi: 0, nan: false };

const binary: Readonly<Record<number, (x: Interval, y: Interval) => Interval>> = {
  0x10: interval.add,
  0x11: interval.sub,
  0x12: interval.mul,
  0x13: interval.div,
  0x14: interval.max,
  0x15: interval.min,
};

const unary: Readonly<Record<number, (x: Interval) => Interval>> = {
  0x20: interval.neg,
  0x21: interval.abs,
  0x22: interval.sqrt,
  0x23: scalar.exp,
  0x24: scalar.log,
  0x25: scalar.tanh,
  0x26: scalar.erf,
  0x27: scalar.sigmoid,
  0x30: (x) => interval.max(x, ZERO),
};

/** The enclosure of the sound values of postfix bytecode (docs/protocol.md §2) over slots; slot 0 if the code is empty. */
export function evaluateExpression(code: Uint8Array, slots: readonly Interval[]): Interval {
  if (code.length === 0) {
    if (slots[0] === undefined) throw judgeError("ExpressionSlot", "An empty expression needs a value.", { slot: 0 });
    return slots[0];
  }
  const stack: Interval[] = [];
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    if (opcode < 0x10) {
      if (stack.length >= MAX_DEPTH) throw stackError(stack.length + 1);
      if (opcode === 0x01) {
        if (at + 1 >= code.length) throw truncated(at);
        const slot = code[++at] as number;
        const value = slots[slot];
        if (value === undefined) throw judgeError("ExpressionSlot", "The expression names a slot that is not there.", { slot });
        stack.push(value);
      } else if (opcode === 0x02) {
        if (at + 4 >= code.length) throw truncated(at);
        stack.push(point(new DataView(code.buffer, code.byteOffset + at + 1, 4).getUint32(0)));
        at += 4;
      } else {
        throw opcodeError(opcode);
      }
    } else if (opcode < 0x20) {
      if (stack.length < 2) throw stackError(stack.length);
      const y = stack.pop() as Interval;
      const x = stack.pop() as Interval;
      const apply = binary[opcode];
      if (apply === undefined) throw opcodeError(opcode);
      stack.push(flushed(apply(x, y)));
    } else {
      if (stack.length < 1) throw stackError(stack.length);
      const x = stack.pop() as Interval;
      const apply = unary[opcode];
      if (apply === undefined) throw opcodeError(opcode);
      stack.push(flushed(apply(x)));
    }
  }
  if (stack.length !== 1) throw stackError(stack.length);
  return stack[0] as Interval;
}

function truncated(at: number) {
  return judgeError("ExpressionTruncated", "The expression ends inside an instruction.", { at });
}

function opcodeError(opcode: number) {
  return judgeError("ExpressionOpcode", "The expression has an instruction that this version does not know.", { opcode });
}

function stackError(depth: number) {
  return judgeError("ExpressionStack", "The expression's stack is too deep or too empty.", { depth });
}
