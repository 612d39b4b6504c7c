import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { listBackEnds, type BackEnd } from "../../scripts/experiments/backEnds.ts";
import { examineBackEnd, type Known } from "../../scripts/experiments/examineBackEnd.ts";
import { examineStep, quickLimits, thoroughLimits } from "../../scripts/experiments/examineStep.ts";
import { honestReport } from "../../scripts/experiments/honestReport.ts";
import { openTrace } from "../../scripts/experiments/openTrace.ts";
import { recordTraces } from "../../scripts/experiments/recordTraces.ts";
import { compileSubject, subjects, type Compiled } from "../../scripts/experiments/subjects.ts";

const runner = createFoldRunner();
const backEnds = listBackEnds({});
const four = ["disabled", "basic", "extended", "all"].map((level) => backEnds.find(({ family }) => family === `CPU ${level}`) as BackEnd);
let digits: Compiled;

beforeAll(async () => {
  digits = await compileSubject(subjects.find(({ name }) => name === "digits")!, runner);
});
afterAll(() => runner.close());

describe("honest traces", () => {
  it("of digits are never called fraud at any level of optimisation, and every element is looked at", async () => {
    const known: Known = { verdicts: new Map(), reference: undefined };
    const examinations = [];
    for (const backEnd of four) examinations.push(await examineBackEnd(digits, backEnd, known, thoroughLimits));
    for (const { fraud, largest, looked, kinds, alarms, unjudged, failure } of examinations) {
      expect({ fraud, alarms, unjudged, failure }).toEqual({ fraud: 0, alarms: [], unjudged: [], failure: undefined });
      expect(largest).toBeLessThan(1);
      expect(looked).toBe(Object.values(kinds).reduce((total, { elements }) => total + elements, 0));
      expect(Object.keys(kinds).sort()).toEqual(["contraction", "reduction"]);
    }
    expect(examinations[0]!.differing).toBe(0);
    // Optimisation gives other kernels; otherwise this test would look at one execution four times.
    expect(examinations[3]!.differing).toBeGreaterThan(0);
    expect(honestReport({ machine: "a machine", examinations, missing: [] })).toContain("| digits | 4 |");
  });

  it("with one element out of its bound raise an alarm that names it", async () => {
    const { bundle, given } = digits;
    const inputs = given[0]!.inputs;
    const [trace] = (await recordTraces(bundle, [inputs], four[0] as BackEnd)) as [Uint8Array[]];
    const hidden = bundle.program.steps[4]!;
    const values = new DataView(trace[4]!.buffer, trace[4]!.byteOffset, trace[4]!.byteLength);
    values.setFloat32(4 * 3, values.getFloat32(4 * 3, true) + 10, true);
    const report = examineStep(hidden, openTrace(bundle, inputs, trace), quickLimits);
    expect(report).toMatchObject({ fraud: 1, worst: { element: 3 } });
    expect(report.bins.at(-1)).toBe(1);
    expect(report.worst!.claimed).toBeGreaterThan(report.worst!.hi);
  });
});
