import type { Hex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWorld, expectRevert, phases, testConfig, type World } from "./helpers/createWorld.ts";
import { namedStep, reveal, type Game } from "./helpers/playGame.ts";
import { makeBlockProgram, makeTrace, makeWitness, noBlock, provedBlock, stepAt, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, digestOf, noSeal, open, register, sealOf, submit } from "./helpers/scenes.ts";

/** Moves that were signed for the state before a reorganisation, and are mined after it: the same numbers then stand for something else. */
let world: World;
let program: TestProgram;
let trace: TestTrace;
let other: TestTrace;
let jobs: bigint[];
let rewind: () => Promise<void>;

const { bond, demandBond } = testConfig.rules;

beforeAll(async () => {
  world = await createWorld();
  program = makeBlockProgram([
    [{ bytes: 20 }, { bytes: 40, isBorder: true, readsInner: true }],
    [{ bytes: 60 }, { bytes: 70, isBorder: true, readsInner: true }],
  ]);
  trace = makeTrace(program);
  other = makeTrace(program, 1);
  await register(world, program);
  await world.send("stakes", "deposit", [], { from: "executor", value: collateral * 2n });
  jobs = [await submit(world, program), await submit(world, program)];
  for (const jobId of jobs) await world.send("jobs", "claim", [jobId], { from: "executor" });
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  rewind = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await rewind();
});

const job = (i: number): bigint => jobs[i] as bigint;
const deliver = async (i: number, what = trace): Promise<Hex> => {
  await commit(world, job(i), program, what);
  return digestOf(world, job(i));
};
/** What an action leads to on the chain that is given up, of which only what was seen there is left. */
async function onTheOtherChain<T>(see: () => Promise<T>): Promise<T> {
  const fork = await world.snapshot();
  const seen = await see();
  await fork.restore();
  return seen;
}
const openBlock = (i: number, block: number, digest: Hex) => world.send("disputes", "openBlock", [job(i), digest, provedBlock(program, block)], { from: "challenger", value: bond });
const expand = (digest: Hex, block: number) => world.send("disputes", "expand", [1n, 0, digest, block, trace.inner[block]?.root], { from: "executor" });
const question = () => [...demanded(), noBlock] as const;
const demanded = () => {
  const [stepIndex, step, proof] = namedStep(program, stepAt(program, 2, 0));
  return [stepIndex, 0n, step, proof] as const;
};
const demand = (i: number, digest: Hex) => world.send("disputes", "demand", [job(i), digest, ...demanded(), provedBlock(program, 0)], { from: "challenger", value: demandBond });

describe("an opening", () => {
  it("stands against no other commitment of the same job and attempt", async () => {
    const seen = await onTheOtherChain(() => deliver(0));
    const standing = await deliver(0, other);
    const refused = [job(0), standing, seen] as const;
    for (const seal of [noSeal, sealOf(world.address.challenger, makeWitness(program, 1n))]) {
      await expectRevert(world.send("disputes", "open", [job(0), seen, seal], { from: "challenger", value: bond }), "NotStanding", refused);
    }
    await expectRevert(openBlock(0, 0, seen), "NotStanding", refused);
    await expectRevert(demand(0, seen), "NotStanding", refused);
    expect(await world.read("disputes", "disputeCount")).toBe(0n);
    await world.send("disputes", "open", [job(0), standing, noSeal], { from: "challenger", value: bond });
    expect(await world.dispute(1n)).toMatchObject({ phase: phases.reveal, attempt: 1, position: { node: other.root } });
  });

  it("stands against no job that has no commitment", async () => {
    const seen = await onTheOtherChain(() => deliver(0));
    await expectRevert(open(world, job(0)), "NotStanding", [job(0), noSeal, noSeal]);
    await expectRevert(openBlock(0, 0, seen), "NotStanding", [job(0), noSeal, seen]);
    // The digest of a claimed job is that of its terms.
    await expectRevert(demand(0, await digestOf(world, job(0))), "NotStanding");
  });

  it("is told whose commitment it is by the job alone", async () => {
    const digest = await deliver(0);
    expect(await world.read("jobs", "commitmentOf", [job(0), 1])).toEqual([digest, world.address.executor]);
    const nobody = [noSeal, `0x${"0".repeat(40)}`];
    expect(await world.read("jobs", "commitmentOf", [job(0), 2])).toEqual(nobody);
    expect(await world.read("jobs", "commitmentOf", [job(1), 1])).toEqual(nobody);
    expect(await world.read("jobs", "commitmentOf", [9n, 1])).toEqual(nobody);
  });
});

describe("an expansion", () => {
  it("of one block does not land in a dispute about another", async () => {
    const digest = await deliver(0);
    await onTheOtherChain(() => openBlock(0, 0, digest));
    await openBlock(0, 1, digest);
    await expectRevert(expand(digest, 0), "AnotherBlock", [1n, 1, 0]);
    await expand(digest, 1);
    expect(await world.dispute(1n)).toMatchObject({ phase: phases.expanded, position: { blockIndex: 1, innerRoot: trace.inner[1]?.root } });
  });

  it("of one commitment does not land in a dispute about another, of the same job or of another one", async () => {
    const seen = await onTheOtherChain(() => deliver(0));
    const standing = await deliver(0, other);
    const second = await deliver(1);
    const before = await world.snapshot();
    await openBlock(0, 0, standing);
    await expectRevert(expand(seen, 0), "AnotherCommitment", [1n, standing, seen]);
    await before.restore();
    await openBlock(1, 0, second);
    await expectRevert(expand(standing, 0), "AnotherCommitment", [1n, second, standing]);
    await expand(second, 0);
  });
});

describe("giving up", () => {
  it("ends no other dispute of the same challenger", async () => {
    const [first, second] = [await deliver(0), await deliver(1, other)];
    await world.send("disputes", "open", [job(1), second, noSeal], { from: "challenger", value: bond });
    const game: Game = { world, program, trace: other, disputeId: 1n };
    const concede = (turn: number, digest: Hex) => world.send("disputes", "concede", [1n, turn, digest], { from: "challenger" });
    await expectRevert(concede(0, second), "WrongPhase", [1n, phases.reveal]);
    await reveal(game);
    await expectRevert(concede(1, first), "AnotherCommitment", [1n, second, first]);
    await expectRevert(concede(0, second), "MoveAlreadyMade", [1n, 0, 1]);
    await expectRevert(concede(2, second), "MoveTooEarly", [1n, 2, 1]);
    await concede(1, second);
    expect(await world.account("executor")).toMatchObject({ credits: bond });
  });
});

describe("a further demand", () => {
  it("is no question about another commitment", async () => {
    const [first, second] = [await deliver(0), await deliver(1, other)];
    await demand(1, second);
    await world.send("disputes", "expand", [1n, 0, second, 0, other.inner[0]?.root], { from: "executor" });
    const stepIndex = stepAt(program, 2, 0);
    await world.send("disputes", "answer", [1n, 1, { ...makeWitness(program, 0n), stepIndex }], { from: "stranger" });
    const next = (digest: Hex) => world.send("disputes", "demandNext", [1n, 2, digest, ...question()], { from: "challenger", value: demandBond });
    await expectRevert(next(first), "AnotherCommitment", [1n, second, first]);
    await next(second);
    expect(await world.dispute(1n)).toMatchObject({ phase: phases.answer, demands: 2, bond: 2n * demandBond });
  });
});
