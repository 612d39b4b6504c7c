import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { judgeElement, type ReadOperand } from "../../../protocol/judge/judgeElement.ts";
import { move, floatOf, bitsOf } from "../../../protocol/judge/float32.ts";
import { elementReader, isHalf, type RawElement } from "../../../protocol/program/elements.ts";
import { dtypes, stepKinds, type Claim, type Operand, type Witness } from "../../../protocol/program/types.ts";
import { commitCase } from "./commitCase.ts";
import { exactVerdict } from "./exactVerdict.ts";
import { createChainJudge, type ChainAnswer, type ChainJudge } from "./createChainJudge.ts";
import { disagreements } from "./disagreements.ts";
import { malformed, unjudgeable, unsupported, whole } from "./malformed.ts";
import { dotStep, operandOf, stepOf } from "../../protocol/judge/makeStep.ts";
import { halfBits, Random, randomBits, randomTensor, styles } from "./random.ts";
import { randomCase, type Case } from "./randomCase.ts";

/** `GAINSAY_FUZZ_CASES` and `GAINSAY_FUZZ_SEED` make a deep run; the quick run always takes the same cases. */
const cases = Number(process.env.GAINSAY_FUZZ_CASES ?? 600);
const seed = Number(process.env.GAINSAY_FUZZ_SEED ?? (process.env.GAINSAY_FUZZ_CASES === undefined ? 20_260 : Date.now() % 2 ** 31));

let chain: ChainJudge;
beforeAll(async () => {
  chain = await createChainJudge();
});
afterAll(async () => {
  await chain.close();
});

describe("the judge in Solidity and in TypeScript", () => {
  it(`agree with each other and with exact arithmetic on ${cases} random steps (seed ${seed})`, { timeout: 60_000 + cases * 100 }, async () => {
    const seen = { fraud: 0, sound: 0, refused: 0, nan: 0 };
    const reckoned = new Map<number, number>(Object.values(stepKinds).map((kind) => [kind, 0]));
    for (let i = 0; i < cases; i++) {
      const random = new Random(seed + i);
      const made = randomCase(random);
      const claimed = randomClaim(random, made);
      let committed;
      try {
        committed = commitCase(made, claimed, random);
      } catch (error) {
        // The index map leads outside: no witness can be built, and the verdict is refused without one.
        expect((error as GainsayError).code).toBe("ELEMENT_OUT_OF_RANGE");
        seen.refused++;
        continue;
      }
      const expected = answerHere(committed.claim, committed.witness);
      const answer = await chain.judge(committed.claim, committed.witness);
      expect(answer, `seed ${seed + i}: ${made.label}`).toEqual(expected);
      if ("verdict" in answer) {
        seen[answer.verdict.fraud ? "fraud" : "sound"]++;
        if (answer.verdict.nan) seen.nan++;
        const sound = exactVerdict(made, claimed);
        if (sound === undefined) continue;
        expect(answer.verdict.fraud, `seed ${seed + i}: ${made.label} against exact arithmetic`).toBe(!sound);
        reckoned.set(made.step.kind, (reckoned.get(made.step.kind) as number) + 1);
      } else seen.refused++;
    }
    expect(Math.min(...reckoned.values()), `cases reckoned by kind: ${[...reckoned].join(" ")}`).toBeGreaterThan(cases / 200);
    // A fuzz that never meets one of these outcomes tests nothing.
    expect(Math.min(seen.fraud, seen.sound, seen.nan)).toBeGreaterThan(cases / 20);
  });

  it.each(disagreements)("take what honest kernels give, and nothing else: $label", async ({ made, sound, fraud }) => {
    for (const [expected, claims] of [[false, sound], [true, fraud]] as const) {
      for (const claimed of claims) {
        const committed = commitCase(made, claimed, new Random(6));
        const answer = await chain.judge(committed.claim, committed.witness);
        expect(answer, `${claimed}`).toEqual(answerHere(committed.claim, committed.witness));
        expect(answer, `${claimed}`).toMatchObject({ verdict: { fraud: expected } });
      }
    }
  });

  it.each(malformed)("name %s alike (%#)", async (error, change) => {
    const wrong = { ...whole.witness, ...change };
    expect(answerHere(whole.claim, wrong)).toEqual({ error });
    expect(await chain.judge(whole.claim, wrong)).toEqual({ error });
  });

  it.each([...unsupported, ...unjudgeable])("refuse a step alike with %s (%#)", async (error, change) => {
    const step = dotStep(3, 1);
    const random = new Random(4);
    const made = { label: error, step, operands: step.operands.map(({ elements }) => randomTensor(random, elements, "tame")), element: 0 };
    const { claim, witness } = commitCase(made, 0, random, change);
    expect(answerHere(claim, witness)).toEqual({ error });
    expect(await chain.judge(claim, witness)).toEqual({ error });
  });

  it.each<[string, Case, (witness: Witness) => Partial<Witness>]>([
    ["UnexpectedOpening", twoSided(), ({ operands }) => ({ operands: [operands[0], operands[0]] as Witness["operands"] })],
    ["UnexpectedExpression", extremeIndexWithExpression(), () => ({})],
  ])("name %s alike in steps of other kinds", async (error, made, change) => {
    const { claim, witness } = commitCase({ ...made, step: { ...made.step, expression: new Uint8Array() } }, 0, new Random(5), (step) => ({ ...step, expression: made.step.expression }));
    expect(await chain.judge(claim, { ...witness, ...change(witness) })).toEqual({ error });
    expect(answerHere(claim, { ...witness, ...change(witness) })).toEqual({ error });
  });
});

/** A claimed value that is likely to be near an end of what is sound, where mistakes show. */
function randomClaim(random: Random, made: Case): RawElement {
  const { dtype } = made.step.result;
  if (isHalf(dtype)) return halfClaim(random, made);
  if (random.chance(0.15)) return dtype !== dtypes.float32 ? random.int(-300, 300) : randomBits(random, random.pick(styles));
  let found;
  try {
    found = judgeElement(made.step, readerOf(made), made.element, 0);
  } catch {
    return 0;
  }
  const end = random.chance(0.5) ? found.lo : found.hi;
  if (dtype === dtypes.float32 && random.chance(0.3)) return end;
  const near = move(floatOf(end), random.int(-2, 2));
  if (dtype === dtypes.float32) return bitsOf(near);
  return Number.isFinite(near) ? BigInt(Math.round(near)) + BigInt(random.int(-1, 1)) : BigInt(random.bits());
}

/** The same for a half float, as its bits. */
function halfClaim(random: Random, made: Case): RawElement {
  const { dtype } = made.step.result;
  const any = randomBits(random, random.pick(styles));
  if (random.chance(0.15)) return halfBits(random, dtype, any);
  try {
    const { lo, hi } = judgeElement(made.step, readerOf(made), made.element, 0);
    return (halfBits(random, dtype, random.chance(0.5) ? lo : hi) + random.int(-1, 1)) & 0xffff;
  } catch {
    return 0;
  }
}

function readerOf(made: Case): ReadOperand {
  const readers = made.operands.map((bytes, i) => elementReader(bytes, (made.step.operands[i] as Operand).dtype));
  return (operand, element) => (readers[operand] as (typeof readers)[number])(element);
}

/** Element 0 of a concatenation of two tensors of two elements. */
function twoSided(): Case {
  const side = (pad: number) => operandOf(2, 2, { offset: -pad, outStrides: [1], windows: [{ outDim: 0, reduceDim: 255, stride: 1, dilation: 0, pad, size: 2 }] });
  const step = stepOf(6, [4], [], [side(0), side(2)]);
  return { label: "concatenation", step, operands: step.operands.map(() => new Uint8Array(8)), element: 0 };
}

function extremeIndexWithExpression(): Case {
  const step = stepOf(3, [], [2], [operandOf(0, 2, { reduceStrides: [1] })], [0x01, 0], 6);
  step.result.dtype = dtypes.int64;
  return { label: "argmax", step, operands: [new Uint8Array(8)], element: 0 };
}

/** The TypeScript judge's answer in the words of the contracts. */
function answerHere(claim: Claim, witness: Witness): ChainAnswer {
  try {
    const { fraud, claimed, lo, hi, nan } = judge(claim, witness);
    return { verdict: { fraud, claimed, lo, hi, nan } };
  } catch (error) {
    const code = (error as GainsayError).code;
    return { error: code.toLowerCase().replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase()) };
  }
}
