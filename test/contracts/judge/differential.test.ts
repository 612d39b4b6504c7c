import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GainsayError } from "../../../protocol/errors.ts";
import { judge } from "../../../protocol/judge/judge.ts";
import { judgeElement, type ReadOperand } from "../../../protocol/judge/judgeElement.ts";
import { move, floatOf, bitsOf } from "../../../protocol/judge/float32.ts";
import type { Claim, Witness } from "../../../protocol/program/types.ts";
import { commitCase } from "./commitCase.ts";
import { createChainJudge, type ChainAnswer, type ChainJudge } from "./createChainJudge.ts";
import { malformed, unjudgeable, unsupported, whole } from "./malformed.ts";
import { dotStep } from "../../protocol/judge/makeStep.ts";
import { Random, randomBits, randomTensor, styles } from "./random.ts";
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
  it(`agree on ${cases} random steps (seed ${seed})`, { timeout: 60_000 + cases * 100 }, async () => {
    const seen = { fraud: 0, sound: 0, refused: 0, nan: 0 };
    for (let i = 0; i < cases; i++) {
      const random = new Random(seed + i);
      const made = randomCase(random);
      let committed;
      try {
        committed = commitCase(made, randomClaim(random, made), random);
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
      } else seen.refused++;
    }
    // A fuzz that never meets one of these outcomes tests nothing.
    expect(Math.min(seen.fraud, seen.sound, seen.nan)).toBeGreaterThan(cases / 20);
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

  it("refuse a witness with any byte flipped, or judge it alike", { timeout: 120_000 }, async () => {
    const random = new Random(3);
    const flips = Number(process.env.GAINSAY_FUZZ_CASES ?? 400);
    const made = randomCase(new Random(8));
    const { claim, witness } = commitCase(made, 0x3f800000, random);
    const original = await chain.judge(claim, witness);
    expect(original).toEqual(answerHere(claim, witness));
    const bytes = Buffer.from(chain.encode(claim, witness).slice(2), "hex");
    let refused = 0;
    for (let i = 0; i < flips; i++) {
      const at = random.int(4, bytes.length - 1);
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ random.int(1, 255);
      const answer = await chain.call(`0x${flipped.toString("hex")}`);
      if ("error" in answer) refused++;
      else expect(answer).toEqual(original);
    }
    expect(refused).toBeGreaterThan(flips / 2);
  });
});

/** A claimed value that is likely to be near an end of what is sound, where mistakes show. */
function randomClaim(random: Random, made: Case): number {
  if (random.chance(0.15)) return randomBits(random, random.pick(styles));
  let found;
  try {
    found = judgeElement(made.step, readerOf(made), made.element, 0);
  } catch {
    return 0;
  }
  const end = random.chance(0.5) ? found.lo : found.hi;
  if (random.chance(0.3)) return end;
  return bitsOf(move(floatOf(end), random.int(-2, 2)));
}

function readerOf(made: Case): ReadOperand {
  const views = made.operands.map((bytes) => new DataView(bytes.buffer));
  return (operand, element) => (views[operand] as DataView).getUint32(element * 4, true);
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
