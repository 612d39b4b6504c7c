/** A number of the reference: float64 in the float domain, exact in the integer domain. */
export type Num = number | bigint;

/** Runs postfix bytecode over slots in float64. */
export function runFloat(code: Uint8Array, slots: readonly number[]): number {
  const stack: number[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i]!;
    if (opcode === 0x01) stack.push(slots[code[++i]!]!);
    else if (opcode === 0x02) {
      stack.push(view.getFloat32(i + 1));
      i += 4;
    } else if (opcode === 0x58) i += 4;
    else if (opcode === 0x50) {
      const [condition, a, b] = stack.splice(-3) as [number, number, number];
      stack.push(condition !== 0 ? a : b);
    } else if (binary[opcode] !== undefined) {
      const [a, b] = stack.splice(-2) as [number, number];
      stack.push(Number(binary[opcode](a, b)));
    } else if (unary[opcode] !== undefined) stack.push(unary[opcode](stack.pop()!));
    else throw new Error(`opcode ${opcode} is unknown`);
    if (stack.length > 16) throw new Error("the expression is too deep");
  }
  if (stack.length !== 1) throw new Error("the expression leaves more than one value");
  return stack[0]!;
}

/** Runs postfix bytecode over exact integers; undefined after a division by zero. */
export function runInteger(code: Uint8Array, slots: readonly bigint[]): bigint | undefined {
  const stack: bigint[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i]!;
    if (opcode === 0x01) stack.push(slots[code[++i]!]!);
    else if (opcode === 0x03) {
      stack.push(view.getBigInt64(i + 1));
      i += 8;
    } else if (opcode === 0x50) {
      const [condition, a, b] = stack.splice(-3) as [bigint, bigint, bigint];
      stack.push(condition !== 0n ? a : b);
    } else if (opcode === 0x20) stack.push(-stack.pop()!);
    else if (opcode === 0x21) {
      const x = stack.pop()!;
      stack.push(x < 0n ? -x : x);
    } else if (opcode === 0x4c) stack.push(stack.pop() === 0n ? 1n : 0n);
    else if (exact[opcode] !== undefined) {
      const [a, b] = stack.splice(-2) as [bigint, bigint];
      if (opcode === 0x13 && b === 0n) return undefined;
      stack.push(BigInt(exact[opcode](a, b)));
    } else throw new Error(`opcode ${opcode} has no integer meaning`);
    if (stack.length > 16) throw new Error("the expression is too deep");
  }
  if (stack.length !== 1) throw new Error("the expression leaves more than one value");
  return stack[0]!;
}

/** Whether bytecode can be run on integers: it has no float constant and no opcode of real numbers. */
export function isIntegerCode(code: Uint8Array): boolean {
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i]!;
    if (opcode === 0x01) i += 1;
    else if (opcode === 0x03) i += 8;
    else if (exact[opcode] === undefined && ![0x20, 0x21, 0x4c, 0x50].includes(opcode)) return false;
  }
  return true;
}

const binary: Readonly<Record<number, (a: number, b: number) => number | boolean>> = {
  0x10: (a, b) => a + b,
  0x11: (a, b) => a - b,
  0x12: (a, b) => a * b,
  0x13: (a, b) => a / b,
  0x14: (a, b) => Math.max(a, b),
  0x15: (a, b) => Math.min(a, b),
  0x48: (a, b) => a < b,
  0x49: (a, b) => a <= b,
  0x4a: (a, b) => a === b,
  0x4d: (a, b) => a !== 0 && b !== 0,
  0x4e: (a, b) => a !== 0 || b !== 0,
  0x4f: (a, b) => (a !== 0) !== (b !== 0),
  0x51: (a, b) => a ** b,
};

const exact: Readonly<Record<number, (a: bigint, b: bigint) => bigint | boolean>> = {
  0x10: (a, b) => a + b,
  0x11: (a, b) => a - b,
  0x12: (a, b) => a * b,
  0x13: (a, b) => a / b,
  0x14: (a, b) => (a > b ? a : b),
  0x15: (a, b) => (a < b ? a : b),
  0x48: (a, b) => a < b,
  0x49: (a, b) => a <= b,
  0x4a: (a, b) => a === b,
  0x4d: (a, b) => a !== 0n && b !== 0n,
  0x4e: (a, b) => a !== 0n || b !== 0n,
  0x4f: (a, b) => (a !== 0n) !== (b !== 0n),
};

const unary: Readonly<Record<number, (x: number) => number>> = {
  0x20: (x) => -x,
  0x21: Math.abs,
  0x22: Math.sqrt,
  0x23: Math.exp,
  0x24: Math.log,
  0x25: Math.tanh,
  0x26: erf,
  0x27: (x) => 1 / (1 + Math.exp(-x)),
  0x30: (x) => Math.max(x, 0),
  0x40: Math.floor,
  0x41: Math.ceil,
  0x42: roundHalfEven,
  0x43: Math.trunc,
  0x44: Math.sign,
  0x4c: (x) => (x === 0 ? 1 : 0),
  0x52: Math.sin,
  0x53: Math.cos,
};

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Maclaurin series; beyond 5 the function is 1 to more than ten digits. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
