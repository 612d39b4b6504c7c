import { describe, expect, it } from "vitest";
import { encodeExpression, expressionDepth, expressionLeaves, float32Bits, formula, opcodes, type Expression } from "../../../protocol/lowering/expression.ts";

const hex = (expression: Expression<string>): string => Buffer.from(encodeExpression(expression, (leaf) => leaf.charCodeAt(0) - 96)).toString("hex");

describe("expressions", () => {
  it("are written as postfix bytecode", () => {
    const clipped = formula.apply<string>(opcodes.min, formula.apply(opcodes.add, formula.core, formula.value("b")), formula.constant(6));
    expect(hex(clipped)).toBe("0100" + "0102" + "10" + "0240c00000" + "15");
    expect(expressionLeaves(clipped)).toEqual(["b"]);
  });

  it("know how deep a stack they need", () => {
    const left = formula.apply<string>(opcodes.add, formula.apply(opcodes.add, formula.core, formula.value("a")), formula.value("b"));
    const right = formula.apply<string>(opcodes.add, formula.core, formula.apply(opcodes.add, formula.value("a"), formula.value("b")));
    expect(expressionDepth(left)).toBe(2);
    expect(expressionDepth(right)).toBe(3);
  });

  it("round constants to float32", () => {
    expect(float32Bits(0.1)).toBe(0x3dcccccd);
    expect(float32Bits(-2)).toBe(0xc0000000);
  });
});
