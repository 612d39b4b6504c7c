import { GainsayError } from "../../../protocol/errors.ts";

const binary: Readonly<Record<number, (x: number, y: number) => number>> = {
  0x10: (x, y) => x + y,
  0x11: (x, y) => x - y,
  0x12: (x, y) => x * y,
  0x13: (x, y) => x / y,
  0x14: Math.max,
  0x15: Math.min,
};

const unary: Readonly<Record<number, (x: number) => number>> = {
  0x20: (x) => -x,
  0x21: Math.abs,
  0x22: Math.sqrt,
  0x23: Math.exp,
  0x24: Math.log,
  0x25: Math.tanh,
  0x27: (x) => 1 / (1 + Math.exp(-x)),
  0x30: (x) => Math.max(x, 0),
};

/** An expression's bytecode (docs/protocol.md §2) in doubles, for gradients. Throws `EXPRESSION_NOT_NUMERIC` for other operations. */
export function evaluateNumbers(code: Uint8Array, slots: readonly number[]): number {
  if (code.length === 0) return slots[0] as number;
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const stack: number[] = [];
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    if (opcode === 0x01) stack.push(slots[code[++at] as number] as number);
    else if (opcode === 0x02) {
      stack.push(view.getFloat32(at + 1));
      at += 4;
    } else if (binary[opcode] !== undefined) {
      const y = stack.pop() as number;
      stack.push(binary[opcode](stack.pop() as number, y));
    } else if (unary[opcode] !== undefined) stack.push(unary[opcode](stack.pop() as number));
    else throw new GainsayError("The attack knows no derivative of this program's expressions.", { code: "EXPRESSION_NOT_NUMERIC", details: { opcode } });
  }
  return stack[0] as number;
}

/** Partial derivatives by central differences. */
export function derivatives(code: Uint8Array, slots: readonly number[]): number[] {
  if (code.length === 0) return slots.map((_, i) => (i === 0 ? 1 : 0));
  return slots.map((value, i) => {
    const h = 1e-4 * Math.max(1e-3, Math.abs(value));
    const at = (x: number): number => evaluateNumbers(code, slots.with(i, x));
    return (at(value + h) - at(value - h)) / (2 * h);
  });
}
