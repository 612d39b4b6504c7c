import { describe, expect, it } from "vitest";
import type { GainsayError } from "../../../protocol/errors.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { compileStep } from "../../../protocol/judge/compileStep.ts";
import { elementsRead } from "../../../protocol/judge/taps.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import type { Step } from "../../../protocol/program/types.ts";
import { malformed, whole } from "../../contracts/judge/malformed.ts";
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
      const listed = elementsRead(made.step, made.element).map((runs) => new Set(runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, k) => first + k))));
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
    expect(codeOf(() => judge(claim, { ...witness, ...change }))).toBe(fault.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase());
  });
});

describe("an unsupported step", () => {
  const dot = dotStep(3, 1);
  const change = (made: Partial<Step>, operand: Partial<Step["operands"][number]> = {}, at = 0): Step => ({ ...dot, ...made, operands: dot.operands.map((old, i) => (i === at ? { ...old, ...operand } : old)) });
  const access = (made: object) => ({ access: { ...(dot.operands[0] as Step["operands"][number]).access, ...made } });
  it.each<[string, Step]>([
    ["UNSUPPORTED_VERSION", change({ version: 2 })],
    ["UNKNOWN_KIND", change({ kind: 4 })],
    ["UNSUPPORTED_OP", change({ op: 1 })],
    ["UNSUPPORTED_PROFILE", change({ profile: 2 })],
    ["UNSUPPORTED_TYPE", change({}, { dtype: 10 })],
    ["UNSUPPORTED_TYPE", change({ result: { ...dot.result, dtype: 3 } })],
    ["RESULT_NOT_IN_TRACE", change({ result: { ...dot.result, source: 1 } })],
    ["UNEXPECTED_ATTRIBUTES", change({ attributes: Uint8Array.of(1) })],
    ["UNEXPECTED_ROLE", change({}, { role: 1 })],
    ["UNEXPECTED_ROLE", change({}, { role: 0 }, 2)],
    ["UNEXPECTED_WINDOW", change({}, access({ reduceStrides: [0], windows: [{ outDim: 255, reduceDim: 255, stride: 0, dilation: 0, pad: 0, size: 1 }] }), 2)],
    ["UNEXPECTED_REDUCTION", change({}, access({ reduceStrides: [1] }), 2)],
    ["STRIDES_LENGTH", change({}, access({ outStrides: [1] }))],
    ["STRIDES_LENGTH", change({}, access({ reduceStrides: [] }))],
    ["WINDOW_DIMENSION", change({}, access({ windows: [{ outDim: 0, reduceDim: 255, stride: 0, dilation: 0, pad: 0, size: 1 }] }))],
    ["TOO_MANY_TAPS", change({ reduce: [2 ** 22] })],
    ["SHAPE_TOO_LARGE", change({ result: { ...dot.result, shape: [2 ** 32 - 1, 2 ** 32 - 1] } })],
    ["OPERAND_COUNT", { ...dot, operands: dot.operands.slice(0, 1) }],
  ])("is refused with %s (%#)", (code, step) => {
    expect(codeOf(() => compileStep(step))).toBe(code);
  });
});
