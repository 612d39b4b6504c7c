import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digitStream } from "../../models/digits/dataset.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { listBackEnds, type BackEnd } from "../../scripts/experiments/backEnds.ts";
import { boundAttack } from "../../scripts/experiments/lies/boundAttack.ts";
import { convict } from "../../scripts/experiments/lies/convict.ts";
import { flipBits } from "../../scripts/experiments/lies/flipBits.ts";
import { gradients } from "../../scripts/experiments/lies/gradients.ts";
import { listLies } from "../../scripts/experiments/lies/listLies.ts";
import { tellLies } from "../../scripts/experiments/lies/tellLies.ts";
import { floatsOf, openTrace } from "../../scripts/experiments/openTrace.ts";
import { recordTraces } from "../../scripts/experiments/recordTraces.ts";
import { compileSubject, subjects } from "../../scripts/experiments/subjects.ts";

const runner = createFoldRunner();
const backEnd = listBackEnds({})[0] as BackEnd;
const stream = digitStream(77);
const images = Array.from({ length: 3 }, () => [new Uint8Array(Float32Array.from(stream.next().value.image).buffer)]);
let bundle: Bundle;
let honest: Uint8Array[][];

beforeAll(async () => {
  ({ bundle } = await compileSubject(subjects.find(({ name }) => name === "digits")!, runner));
  honest = await recordTraces(bundle, images, backEnd);
});
afterAll(() => runner.close());

describe("lies about digits", () => {
  it.each([
    ["smaller model: half of the channels", 0],
    ["weights in int8, one scale a channel", 0],
    ["weights in float16", 0],
    ["pruned: the smallest 10 % of the weights", 0],
    ["arithmetic in float16, weights too", 0],
    ["arithmetic in int8: weights and results", 0],
    ["TF32: 10-bit factors, float32 sums", 0],
    ["skipped: relu2", 2],
    ["skipped: the products with hidden.weight", 4],
    ["stale: the whole trace of another input", 0],
    ["stale: only the answer of another input", 5],
    ["answer edited: the two largest logits swapped", 5],
  ] as const)("%s: caught, first at step %i", async (name, step) => {
    const lies = listLies(bundle).filter((lie) => lie.name === name);
    expect(await tellLies(bundle, images, honest, backEnd, lies)).toMatchObject([{ name, inputs: 3, caught: 3, firstSteps: { [step]: 3 }, unchanged: 0 }]);
  });

  it("does not convict the honest", () => {
    for (const [i, trace] of honest.entries()) expect(convict(openTrace(bundle, images[i]!, trace))).toBeUndefined();
  });

  it("catches every flipped exponent and sign bit, and every bit of max pooling", () => {
    for (const { step, tried, caught } of flipBits([openTrace(bundle, images[0]!, honest[0]!)], 16, 5)) {
      expect(tried[31]).toBeGreaterThan(0);
      expect(caught.slice(23)).toEqual(tried.slice(23));
      if (bundle.program.steps[step]!.kind === 3) expect(caught).toEqual(tried);
      else expect(caught[0]).toBe(0);
    }
  });
});

describe("the attacker inside the bounds", () => {
  it("follows gradients that agree with a finite difference", async () => {
    const output = bundle.program.header.outputs[0] as number;
    const seed = Float64Array.from({ length: 10 }, (_, i) => (i === 4 ? 1 : 0));
    const slopes = gradients(openTrace(bundle, images[0]!, honest[0]!), output, seed);
    const hidden = floatsOf(honest[0]![4]!);
    const at = Array.from(hidden.keys()).reduce((best, i) => (hidden[i]! > hidden[best]! ? i : best), 0);
    // The last step is linear: its weight is the derivative.
    const { operands } = bundle.program.steps[5]!;
    const weights = floatsOf(openTrace(bundle, images[0]!, honest[0]!).weight(operands[1]!.index).bytes);
    expect(slopes[4]![at]).toBeCloseTo(weights[4 * 32 + at]!, 6);
  });

  it("is never convicted, and moves the answer by less than a hundredth of it", () => {
    for (const [i, inputs] of images.entries()) {
      const { honestGap, attackedGap, scale, trace } = boundAttack(bundle, inputs, honest[i]!);
      expect(convict(openTrace(bundle, inputs, trace))).toBeUndefined();
      expect(attackedGap).toBeLessThan(honestGap);
      expect(honestGap - attackedGap).toBeLessThan(scale / 100);
    }
  });
});
