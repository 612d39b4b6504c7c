/** Opcodes of the elementwise bytecode; see docs/protocol.md §2. */
export const opcodes = {
  slot: 0x01,
  constant: 0x02,
  add: 0x10,
  sub: 0x11,
  mul: 0x12,
  div: 0x13,
  max: 0x14,
  min: 0x15,
  neg: 0x20,
  abs: 0x21,
  sqrt: 0x22,
  exp: 0x23,
  log: 0x24,
  tanh: 0x25,
  erf: 0x26,
  sigmoid: 0x27,
  relu: 0x30,
  floor: 0x40,
  ceil: 0x41,
  round: 0x42,
  truncate: 0x43,
  sign: 0x44,
  less: 0x48,
  lessOrEqual: 0x49,
  equal: 0x4a,
  not: 0x4c,
  and: 0x4d,
  or: 0x4e,
  xor: 0x4f,
  select: 0x50,
  pow: 0x51,
  sin: 0x52,
  cos: 0x53,
  widen: 0x58,
  rounded: 0x5a,
  integer: 0x03,
} as const;

/** Deepest stack that the judge keeps. */
export const MAX_EXPRESSION_DEPTH = 16;

/** An elementwise formula over the core value of a step and its value operands. */
export type Expression<Leaf> =
  | { kind: "core" }
  | { kind: "value"; leaf: Leaf }
  | { kind: "constant"; bits: number }
  | { kind: "integer"; value: bigint }
  | { kind: "apply"; opcode: number; arguments: Expression<Leaf>[]; immediate?: number };

/** Shorthands for formulas. */
export const formula = {
  core: { kind: "core" } as const,
  value: <Leaf>(leaf: Leaf): Expression<Leaf> => ({ kind: "value", leaf }),
  constant: <Leaf>(value: number): Expression<Leaf> => ({ kind: "constant", bits: float32Bits(value) }),
  /** A constant of the integer domain. */
  integer: <Leaf>(value: bigint): Expression<Leaf> => ({ kind: "integer", value }),
  /** The argument give or take `slack`, rounded up to float32. */
  widen: <Leaf>(argument: Expression<Leaf>, slack: number): Expression<Leaf> => ({ kind: "apply", opcode: opcodes.widen, arguments: [argument], immediate: float32Bits(slack * (1 + 2 ** -22)) }),
  /** The argument as it is or rounded to a half type. */
  rounded: <Leaf>(argument: Expression<Leaf>, dtype: number): Expression<Leaf> => ({ kind: "apply", opcode: opcodes.rounded, arguments: [argument], immediate: dtype }),
  apply: <Leaf>(opcode: number, ...args: Expression<Leaf>[]): Expression<Leaf> => ({ kind: "apply", opcode, arguments: args }),
};

/** IEEE 754 binary32 bits of a number rounded to float32. */
export function float32Bits(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0);
}

/** Deepest stack that evaluating the formula left to right needs. */
export function expressionDepth(expression: Expression<unknown>): number {
  if (expression.kind !== "apply") return 1;
  return Math.max(...expression.arguments.map((argument, k) => k + expressionDepth(argument)));
}

/** The leaves of a formula, left to right. */
export function expressionLeaves<Leaf>(expression: Expression<Leaf>): Leaf[] {
  if (expression.kind === "value") return [expression.leaf];
  return expression.kind === "apply" ? expression.arguments.flatMap(expressionLeaves) : [];
}

/** Whether the formula mentions the core value. */
export function usesCore(expression: Expression<unknown>): boolean {
  return expression.kind === "core" || (expression.kind === "apply" && expression.arguments.some(usesCore));
}

/** Postfix bytecode; `slotOf` numbers the leaves, `coreSlot` the core value. */
export function encodeExpression<Leaf>(expression: Expression<Leaf>, slotOf: (leaf: Leaf) => number): Uint8Array {
  const bytes: number[] = [];
  const visit = (node: Expression<Leaf>): void => {
    if (node.kind === "core") bytes.push(opcodes.slot, 0);
    else if (node.kind === "value") bytes.push(opcodes.slot, slotOf(node.leaf));
    else if (node.kind === "constant") bytes.push(opcodes.constant, ...word(node.bits));
    else if (node.kind === "integer") bytes.push(opcodes.integer, ...bigEndian(node.value));
    else {
      node.arguments.forEach(visit);
      bytes.push(node.opcode);
      if (node.immediate !== undefined) bytes.push(...(node.opcode === opcodes.rounded ? [node.immediate] : word(node.immediate)));
    }
  };
  visit(expression);
  return Uint8Array.from(bytes);
}

function word(bits: number): number[] {
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255];
}

function bigEndian(value: bigint): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, value);
  return [...new Uint8Array(view.buffer)];
}
