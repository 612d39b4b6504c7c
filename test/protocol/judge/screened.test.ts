import { describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { bitsOf, floatOf, move } from "../../../protocol/judge/float32.ts";
import { judgeElement, type ElementVerdict, type ReadOperand } from "../../../protocol/judge/judgeElement.ts";
import { judgeScreened } from "../../../protocol/judge/judgeScreened.ts";
import { screenRead } from "../../../protocol/judge/screenElement.ts";
import { elementReader, floatsIn, type RawElement } from "../../../protocol/program/elements.ts";
import { dtypes, stepKinds, type Operand } from "../../../protocol/program/types.ts";
import { Random } from "../../contracts/judge/random.ts";
import { randomCase } from "../../contracts/judge/randomCase.ts";

const rounds = Number(process.env.GAINSAY_FUZZ_CASES ?? 1500);

function fraudOrFault(judge: () => ElementVerdict): boolean | string {
  try {
    return judge().fraud;
  } catch (error) {
    return (error as GainsayError).code;
  }
}

describe("judgeScreened", () => {
  it("says of steps of every kind what judgeElement says", () => {
    let screened = 0;
    let withFactors = 0;
    for (let i = 0; i < rounds; i++) {
      const random = new Random(i + 5e6);
      const { step, operands, element, label } = randomCase(random);
      const readers = operands.map((bytes, k) => elementReader(bytes, (step.operands[k] as Operand).dtype));
      const read: ReadOperand = (operand, at) => (readers[operand] as (typeof readers)[number])(at);
      let claimed: RawElement = step.result.dtype === dtypes.int64 ? 0n : 0;
      if (step.result.dtype === dtypes.float32) {
        try {
          const { lo, hi } = judgeElement(step, read, element, claimed);
          const middle = Math.fround((floatOf(lo) + floatOf(hi)) / 2);
          claimed = bitsOf(random.chance(0.5) ? middle : move(floatOf(random.chance(0.5) ? lo : hi), random.int(-2, 2)));
        } catch {
          // The fault is what is compared.
        }
      }
      const expected = fraudOrFault(() => judgeElement(step, read, element, claimed));
      expect(fraudOrFault(() => judgeScreened(step, read, element, claimed)), `case ${i}: ${label}`).toBe(expected);
      const [first, second] = step.operands;
      if (step.kind === stepKinds.contraction && first?.dtype === dtypes.float32 && second?.dtype === dtypes.float32) {
        const factors = [floatsIn(operands[0] as Uint8Array), floatsIn(operands[1] as Uint8Array)] as const;
        expect(fraudOrFault(() => judgeScreened(step, read, element, claimed, factors)), `case ${i} with factors: ${label}`).toBe(expected);
        const readFloat = (operand: number, at: number): number => floatOf(Number(read(operand, at)));
        const screening = (given?: typeof factors): unknown => {
          try {
            return screenRead(step, readFloat, element, floatOf(Number(claimed)), given);
          } catch (error) {
            return (error as GainsayError).code;
          }
        };
        expect(screening(factors), `case ${i} with factors: ${label}`).toEqual(screening());
        withFactors++;
      }
      if (expected === false && judgeScreened(step, read, element, claimed).margin === undefined && judgeElement(step, read, element, claimed).margin !== undefined) screened++;
    }
    expect(screened).toBeGreaterThan(rounds / 20);
    expect(withFactors).toBeGreaterThan(rounds / 20);
  });
});
