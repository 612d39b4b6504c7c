import type { Access, Operand, Role, Step } from "../../../protocol/program/types.ts";

const zero = `0x${"00".repeat(32)}` as const;

/** An operand of the trace. */
export function operandOf(role: Role, elements: number, access: Partial<Access> = {}): Operand {
  return { role, dtype: 1, source: 2, index: 0, root: zero, elements, access: { offset: 0, outStrides: [], reduceStrides: [], windows: [], stages: [], ...access } };
}

/** A step whose result is one trace tensor. */
export function stepOf(kind: Step["kind"], shape: number[], reduce: number[], operands: Operand[], expression: number[] = [], op = 0): Step {
  return {
    version: 1, kind, op, profile: 1, blockIndex: 0, result: { dtype: 1, source: 2, index: 1, shape },
    reduce, operands, expression: Uint8Array.from(expression), attributes: new Uint8Array(),
  };
}

/** One dot product with addends. */
export function dotStep(k: number, addends = 0): Step {
  const factor = operandOf(0, k, { reduceStrides: [1] });
  return stepOf(1, [], [k], [factor, factor, ...Array.from({ length: addends }, () => operandOf(1, 1))]);
}

export function bitsOfFloat(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0] as number;
}

export function floatOfBits(bits: number): number {
  return new Float32Array(new Uint32Array([bits]).buffer)[0] as number;
}
