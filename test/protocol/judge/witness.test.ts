import { describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { compileStep } from "../../../protocol/judge/compileStep.ts";
import { elementsRead } from "../../../protocol/judge/taps.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { malformed, unsupported, whole } from "../../contracts/judge/malformed.ts";
import { Random } from "../../contracts/judge/random.ts";
import { randomCase } from "../../contracts/judge/randomCase.ts";
import { dotStep } from "./makeStep.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as GainsayError).code;
  }
  return "none";
}

describe("buildWitness", () => {
  it("opens exactly the chunks that the judge reads, neighbours in one range", () => {
    const { witness, step } = whole;
    expect(elementsRead(step, 2)).toEqual([[{ first: 300, count: 512 }], [{ first: 0, count: 512 }], [{ first: 2, count: 1 }]]);
    expect(witness.operands.map(({ ranges }) => ranges.map(({ first, data }) => [first, data.length]))).toEqual([[[1, 3072]], [[0, 2048]], [[0, 16]]]);
  });

  it("makes witnesses that open every element the judge asks for, and no tensor without need", () => {
    for (let i = 0; i < 300; i++) {
      const made = randomCase(new Random(i));
      const asked = made.operands.map(() => new Set<number>());
      const code = codeOf(() =>
        judgeElement(made.step, (operand, element) => {
          asked[operand]?.add(element);
          return 0;
        }, made.element, 0),
      );
      if (code !== "none") continue;
      const listed = elementsRead(made.step, made.element, () => 0).map((runs) => new Set(runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, k) => first + k))));
      expect(listed).toEqual(asked);
    }
  });
});

describe("a malformed witness", () => {
  const { claim, witness } = whole;

  it("is accepted as built", () => {
    expect(judge(claim, witness).fraud).toBe(true);
  });

  it.each(malformed)("is refused with %s (%#)", (fault, change) => {
    expect(codeOf(() => judge(claim, { ...witness, ...change }))).toBe(codeOfFault(fault));
  });
});

describe("an unsupported step", () => {
  it.each(unsupported)("is refused with %s (%#)", (fault, change) => {
    expect(codeOf(() => compileStep(change(dotStep(3, 1))))).toBe(codeOfFault(fault));
  });
});

function codeOfFault(fault: string): string {
  return fault.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
