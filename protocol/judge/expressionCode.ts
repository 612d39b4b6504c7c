/** What stands in the bytecode of expressions (docs/protocol.md §2). */
export const opcodes = { slot: 0x01, float: 0x02, integer: 0x03, select: 0x50, widen: 0x58, wrap: 0x59, round: 0x5a } as const;

/** Opcodes that are defined for exact integers. */
const exact = new Set([0x01, 0x03, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20, 0x21, 0x30, 0x44, 0x48, 0x49, 0x4a, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x59]);

/** Bytes of an instruction's operand. */
export function immediateOf(opcode: number): number {
  if (opcode === opcodes.slot || opcode === opcodes.wrap || opcode === opcodes.round) return 1;
  if (opcode === opcodes.float || opcode === opcodes.widen) return 4;
  return opcode === opcodes.integer ? 8 : 0;
}

/** How many values an instruction from 10 on takes off the stack; it puts one back. */
export function arityOf(opcode: number): number {
  if (opcode < 0x20 || (opcode >= 0x48 && opcode < 0x50 && opcode !== 0x4c) || opcode === 0x51) return 2;
  return opcode === opcodes.select ? 3 : 1;
}

/** Whether all instructions are defined for exact integers. */
export function isExactCode(code: Uint8Array): boolean {
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number;
    if (!exact.has(opcode)) return false;
    at += immediateOf(opcode);
  }
  return true;
}
