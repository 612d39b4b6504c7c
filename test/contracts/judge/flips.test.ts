import { afterAll, beforeAll, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { elementReader, type RawElement } from "../../../protocol/program/elements.ts";
import { dtypes } from "../../../protocol/program/types.ts";
import { commitCase } from "./commitCase.ts";
import { createChainJudge, type ChainJudge } from "./createChainJudge.ts";
import { Random } from "./random.ts";
import type { Case } from "./randomCase.ts";
import { smallCases } from "./smallCases.ts";

/** Every byte in a deep run (`npm run fuzz:judge`), a seeded sample of them otherwise. */
const deep = process.env.GAINSAY_FUZZ_CASES !== undefined;
const seed = Number(process.env.GAINSAY_FUZZ_SEED ?? 7);
const sample = 50;

let chain: ChainJudge;
beforeAll(async () => {
  chain = await createChainJudge();
});
afterAll(async () => {
  await chain.close();
});

const claims = smallCases().flatMap((made) => [false, true].map((fraud): [string, Case, boolean] => [`${made.label}, ${fraud ? "fraud" : "sound"}`, made, fraud]));

it.each(claims)("any byte flipped in a witness of a %s is refused or changes nothing", { timeout: 600_000 }, async (_, made, fraud) => {
  const random = new Random(seed);
  const { claim, witness } = commitCase(made, claimOf(made, fraud), random);
  const original = await chain.judge(claim, witness);
  expect(original).toMatchObject({ verdict: { fraud } });
  const bytes = Buffer.from(chain.encode(claim, witness).slice(2), "hex");
  const places = deep ? Array.from({ length: bytes.length - 4 }, (__, i) => i + 4) : Array.from({ length: sample }, () => random.int(4, bytes.length - 1));
  let refused = 0;
  for (const at of places) {
    const old = bytes[at] as number;
    bytes[at] = old ^ random.int(1, 255);
    const answer = await chain.call(`0x${bytes.toString("hex")}`);
    bytes[at] = old;
    if ("error" in answer) refused++;
    else expect(answer, `byte ${at}`).toEqual(original);
  }
  // If most flips changed nothing, the bytes would not be those of the witness.
  expect(refused).toBeGreaterThan(places.length * 0.8);
});

/** A value that is sound, or one that is not. */
function claimOf(made: Case, fraud: boolean): RawElement {
  const readers = made.operands.map((data, i) => elementReader(data, (made.step.operands[i] as Case["step"]["operands"][number]).dtype));
  const { lo } = judgeElement(made.step, (operand, element) => (readers[operand] as (typeof readers)[number])(element), made.element, 0);
  const value = new Float32Array(Uint32Array.of(lo).buffer)[0] as number;
  if (made.step.result.dtype === dtypes.float32) return fraud ? (lo ^ 0x00800000) >>> 0 : lo;
  return BigInt(value) + (fraud ? 1n : 0n);
}
