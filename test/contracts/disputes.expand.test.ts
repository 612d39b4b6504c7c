import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { claimOf } from "../../protocol/program/claim.ts";
import { toHex } from "../../protocol/hex.ts";
import { createWorld, expectRevert, jobStatus, outcomes, phases, testConfig, type Call, type Role, type World } from "./helpers/createWorld.ts";
import { borderArgs, childrenNow, choiceTowards, choose, chooseBlock, descend, expand, namedStep, reveal, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeBlockProgram, makeTrace, makeWitness, noBlock, provedBlock, stepAt, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, committedJob, digestOf, inputRoot, noSeal, open, register, salt, sealOf } from "./helpers/scenes.ts";

let world: World;
let program: TestProgram;
let trace: TestTrace;
let jobId: bigint;
let restore: () => Promise<void>;

const { bond, clock, extension, demandBond, sealAge } = testConfig.rules;
// The scripted judge: element 1 is a fraud, all others are sound.
const FRAUD = 1n;
const SOUND = 5n;

beforeAll(async () => {
  world = await createWorld();
  // Block 0 is one border. Block 1 has inner 0, border 1, inner 1 (19 chunks), inner 2, border 2, which reads inside. Block 2 reads its own inner 0.
  program = makeBlockProgram([
    [{ bytes: 40, isBorder: true }],
    [{ bytes: 20 }, { bytes: 3000, isBorder: true }, { bytes: 18 * 1024 + 9 }, { bytes: 30 }, { bytes: 50, isBorder: true, readsInner: true }],
    [{ bytes: 60 }, { bytes: 70, isBorder: true, readsInner: true }],
  ]);
  trace = makeTrace(program);
  await register(world, program);
  jobId = await committedJob(world, program, trace);
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const gameOf = (disputeId: bigint, challenger: Role = "challenger"): Game => ({ world, program, trace, disputeId, challenger });
const openBlock = async (block = 1, call: Partial<Call> = {}, attempt = 1): Promise<Game> => {
  const sent = await world.send("disputes", "openBlock", [jobId, attempt, provedBlock(program, block)], { from: "challenger", value: bond, ...call });
  return gameOf(sent.event("Opened")?.disputeId as bigint, call.from ?? "challenger");
};
const expanded = async (block = 1): Promise<Game> => {
  const game = await openBlock(block);
  await expand(game);
  return game;
};
const into = async (game: Game, from: Role = "challenger") => world.send("disputes", "descend", [game.disputeId, (await view(game)).turn], { from });
const view = (game: Game) => world.dispute(game.disputeId);
const border = async (game: Game, tensor: number, call: Partial<Call> = {}) => world.send("disputes", "chooseBorder", await borderArgs(game, tensor), { from: "challenger", ...call });
const sealWith = async (game: Game, element: bigint, from: Role = "challenger", call: Partial<Call> = {}) => world.send("disputes", "seal", [game.disputeId, (await view(game)).turn, sealOf(world.address[from], makeWitness(program, element))], { from, ...call });
const refute = (game: Game, element: bigint, call: Partial<Call> = {}) => world.send("disputes", "refute", [game.disputeId, salt, makeWitness(program, element)], { from: "challenger", ...call });
const timeout = async (game: Game) => world.send("disputes", "timeout", [game.disputeId], { from: "stranger", at: (await view(game)).deadline + 1n });
const expectClaim = (block?: number) =>
  world.send(world.judge, "expectClaim", [claimOf({ programRoot: program.root, inputRoot, traceRoot: trace.root }, block === undefined ? undefined : { innerRoot: trace.inner[block]?.root ?? noSeal, blockIndex: block, innerCount: program.blocks[block]?.innerCount ?? 0 })], { from: "deployer" });
/** Seals and refutes, against the claim with the inner trace of `block`. */
const convict = async (game: Game, block: number): Promise<void> => {
  await expectClaim(block);
  await sealWith(game, FRAUD);
  await world.time.increase(sealAge);
  await refute(game, FRAUD);
  expect(await view(game)).toMatchObject({ phase: phases.ended, outcome: outcomes.challengerWon });
  expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 2 });
  expect((await world.account("challenger")).credits).toBe(5000n + bond);
};
const acquit = async (game: Game): Promise<void> => {
  await timeout(game);
  expect(await view(game)).toMatchObject({ phase: phases.ended, outcome: outcomes.defenderWon });
  expect(await world.account("executor")).toMatchObject({ locked: collateral, credits: bond });
};

describe("opening with a block", () => {
  it("names one of the program that has an inside, for the bond, in the challenge window", async () => {
    await expectRevert(openBlock(1, { value: bond - 1n }), "WrongBond", [bond - 1n, bond]);
    await expectRevert(openBlock(1, {}, 2), "NotStanding", [jobId, await digestOf(world, jobId), noSeal]);
    await expectRevert(openBlock(0), "NothingInside", [0]);
    const send = (changes: object) => world.send("disputes", "openBlock", [jobId, 1, { ...provedBlock(program, 1), ...changes }], { from: "challenger", value: bond });
    const { content, proof } = provedBlock(program, 1);
    await expectRevert(send({ index: 2 }), "BlockNotInProgram", [2]);
    await expectRevert(send({ index: 3 }), "IndexOutOfTree", [3n, 3n]);
    await expectRevert(send({ proof: proof.slice(1) }), "ProofLength", [2n, 1n]);
    for (const changes of [{ firstStep: 2 }, { stepCount: 4 }, { borders: [1] }, { borders: [1, 2, 3] }, { innerCount: 2 }, { innerCount: 0 }]) await expectRevert(send({ content: { ...content, ...changes } }), "BlockNotInProgram", [1]);
    const sent = await world.send("disputes", "openBlock", [jobId, 1, provedBlock(program, 1)], { from: "challenger", value: bond });
    expect(sent.event("Opened")).toEqual({ disputeId: 1n, jobId, challenger: world.address.challenger, attempt: 1, seal: noSeal, bond });
    expect(sent.event("BlockNamed")).toEqual({ disputeId: 1n, turn: 0, blockIndex: 1, innerCount: 3 });
    expect(await world.dispute(1n)).toMatchObject({ phase: phases.expand, turn: 0, demands: 0, bond, position: { source: 2, blockIndex: 1, innerCount: 3, innerRoot: noSeal, byteLength: 0n } });
    const { deadline } = await world.job(jobId);
    await openBlock(1, { at: deadline });
    await expectRevert(openBlock(), "DeadlinePassed", [jobId, deadline, deadline + 1n]);
  });
});

describe("expanding", () => {
  it("is the executor's alone, and no root of nothing", async () => {
    const game = await openBlock();
    for (const from of ["stranger", "challenger", "second"] as const) await expectRevert(expand(game, undefined, { from }), "NotExecutor", [game.disputeId, world.address[from], world.address.executor]);
    await expectRevert(expand(game, noSeal), "EmptyRoot", [game.disputeId]);
    await expectRevert(world.send("disputes", "expand", [game.disputeId, 1, trace.root], { from: "executor" }), "MoveTooEarly", [game.disputeId, 1, 0]);
    const sent = await expand(game);
    expect(sent.event("Expanded")).toEqual({ disputeId: game.disputeId, turn: 0, blockIndex: 1, innerRoot: trace.inner[1]?.root });
    expect(await view(game)).toMatchObject({ phase: phases.expanded, turn: 1, position: { innerRoot: trace.inner[1]?.root } });
    await expectRevert(world.send("disputes", "expand", [game.disputeId, 0, trace.root], { from: "executor" }), "MoveAlreadyMade", [game.disputeId, 0, 1]);
    await expectRevert(expand(game), "WrongPhase", [game.disputeId, phases.expanded]);
  });

  it("refused, loses by the clock", async () => {
    const game = await openBlock();
    const { deadline } = await view(game);
    await expectRevert(world.send("disputes", "timeout", [game.disputeId], { from: "stranger", at: deadline }), "ClockStillRuns");
    await expectRevert(expand(game, undefined, { at: deadline + 1n }), "ClockRanOut", [game.disputeId, deadline, deadline + 1n]);
    await expectRevert(world.send("disputes", "concede", [game.disputeId], { from: "challenger" }), "WrongPhase", [game.disputeId, phases.expand]);
    const sent = await world.send("disputes", "timeout", [game.disputeId], { from: "stranger" });
    expect(sent.event("Convicted")).toMatchObject({ jobId, executor: world.address.executor, challenger: world.address.challenger });
  });

  it("is not possible for a commitment that is gone, nor by its successor", async () => {
    const idle = await openBlock();
    const other = await expanded();
    await convict(other, 1);
    await expectRevert(expand(idle), "CommitmentGone", [idle.disputeId]);
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    await world.send("jobs", "claim", [jobId], { from: "second" });
    await commit(world, jobId, program, trace, "second");
    await expectRevert(expand(idle, undefined, { from: "second" }), "CommitmentGone", [idle.disputeId]);
    await world.send("disputes", "close", [idle.disputeId], { from: "stranger" });
  });

  it("or choosing a tensor or a border is not possible either, once the commitment is gone", async () => {
    const choosing = gameOf(await open(world, jobId));
    await reveal(choosing);
    const inside = await expanded();
    await convict(await expanded(), 1);
    await expectRevert(choose(choosing, 0), "CommitmentGone", [choosing.disputeId]);
    await expectRevert(border(inside, 1), "CommitmentGone", [inside.disputeId]);
  });

  it("gives the challenger an extension, and the whole game stays within its bound", async () => {
    const game = gameOf(await open(world, jobId));
    const { turnStart } = await view(game);
    await reveal(game, undefined, { at: turnStart + BigInt(clock) - 20n });
    await chooseBlock(game, 2, 1, { at: (await view(game)).deadline - 10n });
    expect(await view(game)).toMatchObject({ phase: phases.expand, challengerClock: 10, defenderClock: 20 });
    await expand(game, undefined, { at: (await view(game)).deadline });
    expect(await view(game)).toMatchObject({ phase: phases.expanded, challengerClock: extension, defenderClock: 0 });
    const { deadline } = await view(game);
    await expectRevert(sealWith({ ...game, challenger: "challenger" }, FRAUD, "rival"), "NotChallenger");
    await world.send("disputes", "seal", [game.disputeId, 3, noSeal], { from: "challenger", at: deadline - BigInt(sealAge) });
    // The seal took no time from the clock but what had passed, and gave none.
    expect(await view(game)).toMatchObject({ turn: 4, challengerClock: sealAge, deadline });
    expect(deadline - turnStart).toBeLessThan(await world.read<bigint>("disputes", "MAX_DURATION"));
    await acquit(game);
  });
});

describe("a refutation after an expansion", () => {
  it("is judged against the inner trace, sealed and aged", async () => {
    const game = await expanded();
    await expectRevert(refute(game, FRAUD), "NotSealed", [game.disputeId]);
    await sealWith(game, FRAUD);
    const { sealedAt } = await view(game);
    await expectRevert(refute(game, FRAUD, { at: sealedAt + BigInt(sealAge) - 1n }), "TooSoon", [game.disputeId, sealedAt + BigInt(sealAge)]);
    await expectClaim();
    await expectRevert(refute(game, FRAUD), "UnexpectedClaim");
    await expectClaim(1);
    await expectRevert(refute(game, SOUND), "WrongSeal");
    await refute(game, FRAUD);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 2 });
  });

  it("does not come before it", async () => {
    const game = await openBlock();
    await expectRevert(refute(game, FRAUD), "WrongPhase", [game.disputeId, phases.expand]);
    await expectRevert(sealWith(game, FRAUD), "WrongPhase", [game.disputeId, phases.expand]);
  });

  it("that never comes acquits the executor; so does giving up", async () => {
    const game = await expanded(2);
    const late = await expanded();
    await world.send("disputes", "concede", [game.disputeId], { from: "challenger" });
    expect(await world.account("executor")).toMatchObject({ locked: collateral, credits: bond });
    await timeout(late);
    expect(await view(late)).toMatchObject({ outcome: outcomes.defenderWon });
    expect(await world.account("executor")).toMatchObject({ locked: collateral, credits: 2n * bond });
  });
});

describe("the inner bisection", () => {
  it("goes from the inner root to a chunk and to the judge", async () => {
    const game = await expanded();
    await sealWith(game, SOUND);
    await expectRevert(into(game, "rival"), "NotChallenger", [game.disputeId, world.address.rival, world.address.challenger]);
    const sent = await into(game);
    expect(sent.event("Descended")).toEqual({ disputeId: game.disputeId, turn: 2, blockIndex: 1 });
    // The seal is gone: the position stands in its place.
    expect(await view(game)).toMatchObject({ phase: phases.reveal, seal: noSeal, sealedAt: 0n, position: { node: trace.inner[1]?.root, atRoot: true, levels: 2, source: 3, leaves: 3n } });
    const nodes = await childrenNow(game);
    await expectRevert(reveal(game, nodes.map((node, i) => (i === 2 ? noSeal : node))), "WrongChildren");
    await reveal(game);
    expect(await view(game)).toMatchObject({ position: { node: toHex(trace.inner[1]!.tree.top), source: 3 } });
    const { args } = await choiceTowards(game, 1);
    const name = (step: number) => world.send("disputes", "chooseTensor", [...args, ...namedStep(program, step)], { from: "challenger" });
    // Of block 2 the same place, of block 1 another one, and a border.
    await expectRevert(name(stepAt(program, 3, 0, 2)), "StepDefinesAnotherTensor", [3, 0, 1]);
    await expectRevert(name(stepAt(program, 2, 1)), "StepDefinesAnotherTensor", [2, 1, 1]);
    await expectRevert(world.send("disputes", "chooseBlock", [...args, provedBlock(program, 1)], { from: "challenger" }), "AlreadyInside", [game.disputeId, 1]);
    const named = await name(stepAt(program, 3, 1, 1));
    expect(named.event("TensorNamed")).toMatchObject({ disputeId: game.disputeId, source: 3, tensor: 1, stepIndex: 3, byteLength: 18n * 1024n + 9n });
    await descend(game, 18);
    await revealChunk(game);
    expect(await view(game)).toMatchObject({ phase: phases.refute, position: { source: 3, tensor: 1, stepIndex: 3, index: 18n } });
    await convict(game, 1);
  });

  it("does not take the step of another block", async () => {
    const game = await expanded();
    await into(game);
    await reveal(game);
    const { args } = await choiceTowards(game, 0);
    await expectRevert(world.send("disputes", "chooseTensor", [...args, ...namedStep(program, stepAt(program, 3, 0, 2))], { from: "challenger" }), "StepOfAnotherBlock", [2, 1]);
  });

  it("convicts an executor whose inner root is the root of nothing it can show", async () => {
    const game = await openBlock();
    await expand(game, trace.root);
    await into(game);
    await expectRevert(reveal(game), "WrongChildren");
    await timeout(game);
    expect(await view(game)).toMatchObject({ outcome: outcomes.challengerWon });
  });

  it("acquits an executor that answers to the end, wherever the challenger stops", async () => {
    const game = await expanded();
    await into(game);
    await reveal(game);
    await choose(game, 2);
    await descend(game, 0);
    await revealChunk(game);
    await sealWith(game, SOUND);
    await world.time.increase(sealAge);
    await expectRevert(refute(game, SOUND), "WitnessSound");
    await acquit(game);
  });
});

describe("a bisection that comes to a block", () => {
  const atLeaf = async (tensor: number): Promise<Game> => {
    const game = gameOf(await open(world, jobId));
    await reveal(game);
    expect((await choiceTowards(game, tensor)).atLeaf).toBe(true);
    return game;
  };

  it("names the block of which the tensor is a border", async () => {
    const game = await atLeaf(2);
    await expectRevert(chooseBlock(game, 2, 2), "NotABorder", [2, 2]);
    await expectRevert(chooseBlock(game, 2, 0), "NothingInside", [0]);
    await expectRevert(chooseBlock({ ...game, challenger: "rival" }, 2, 1), "NotChallenger");
    const sent = await chooseBlock(game, 2, 1);
    expect(sent.event("Chosen")).toMatchObject({ turn: 1, index: 2n });
    expect(sent.event("BlockNamed")).toEqual({ disputeId: game.disputeId, turn: 2, blockIndex: 1, innerCount: 3 });
    expect(await view(game)).toMatchObject({ phase: phases.expand, turn: 2, position: { tensor: 2, blockIndex: 1, innerCount: 3 } });
    await expand(game);
    await into(game);
    await reveal(game);
    await choose(game, 2);
    await descend(game, 0);
    await revealChunk(game);
    await convict(game, 1);
  });

  it("does so only at a leaf of the posted trace", async () => {
    const large = makeBlockProgram([Array.from({ length: 17 }, () => ({ bytes: 8, isBorder: true })), [{ bytes: 9 }, { bytes: 8, isBorder: true, readsInner: true }]]);
    await register(world, large);
    const largeTrace = makeTrace(large);
    const game: Game = { world, program: large, trace: largeTrace, disputeId: await open(world, await committedJob(world, large, largeTrace, "second")) };
    await reveal(game);
    await expectRevert(chooseBlock(game, 17, 1), "NotAtTensor", [game.disputeId, 1]);
    await choose(game, 17);
    await reveal(game);
    await chooseBlock(game, 17, 1);
  });

  it("goes on in the border itself where the inside agrees", async () => {
    const game = await atLeaf(2);
    await chooseBlock(game, 2, 1);
    await expectRevert(border(game, 2), "WrongPhase", [game.disputeId, phases.expand]);
    await expand(game);
    const args = await borderArgs(game, 2);
    const send = (changes: Record<number, unknown>, from: Role = "challenger") => world.send("disputes", "chooseBorder", args.map((arg, i) => changes[i] ?? arg), { from });
    await expectRevert(send({}, "rival"), "NotChallenger");
    await expectRevert(send({ 2: noSeal }), "WrongChoice");
    await expectRevert(send({ 3: [...args[3]].reverse() }), "WrongChoice");
    await expectRevert(send({ 3: args[3].slice(1) }), "ProofLength", [2n, 1n]);
    await expectRevert(send({ 4: 4 }), "StepNotInProgram", [4]);
    const inner = namedStep(program, stepAt(program, 3, 2, 1));
    await expectRevert(send({ 4: inner[0], 5: inner[1], 6: inner[2] }), "NotABorder", [1, 2]);
    await expectRevert(border(game, 3), "StepOfAnotherBlock", [2, 1]);
    const sent = await border(game, 2);
    expect(sent.event("TensorNamed")).toMatchObject({ source: 2, tensor: 2, stepIndex: 5, byteLength: 50n });
    expect(await view(game)).toMatchObject({ phase: phases.reveal, position: { atRoot: true, source: 2, tensor: 2, blockIndex: 1, innerRoot: trace.inner[1]?.root } });
    await descend(game, 0);
    await revealChunk(game);
    await convict(game, 1);
  });

  it("turns to a border while it descends the inside, and not later", async () => {
    const game = await atLeaf(1);
    await chooseBlock(game, 1, 1);
    await expand(game);
    await into(game);
    await expectRevert(border(game, 1), "WrongPhase", [game.disputeId, phases.reveal]);
    await reveal(game);
    await border(game, 1);
    expect(await view(game)).toMatchObject({ phase: phases.reveal, position: { source: 2, tensor: 1, leaves: 3n } });
    await reveal(game);
    await expectRevert(border(game, 1), "WrongPhase", [game.disputeId, phases.choose]);
    await choose(game, 2);
    await revealChunk(game);
    await convict(game, 1);
  });

  it("may leave the block alone", async () => {
    const game = await atLeaf(1);
    await choose(game, 1);
    await descend(game, 0);
    await revealChunk(game);
    await expectClaim();
    await sealWith(game, FRAUD);
    await world.time.increase(sealAge);
    await refute(game, FRAUD);
  });
});

describe("demands through a block", () => {
  const named = (stepIndex: number, element: bigint, block: ReturnType<typeof provedBlock> | typeof noBlock = noBlock) => {
    const [index, step, proof] = namedStep(program, stepIndex);
    return [index, element, step, proof, block] as const;
  };
  const demand = async (...args: Parameters<typeof named>): Promise<Game> => {
    const sent = await world.send("disputes", "demand", [jobId, 1, ...named(...args)], { from: "challenger", value: demandBond });
    return gameOf(sent.event("Opened")?.disputeId as bigint);
  };
  const demandNext = async (game: Game, ...args: Parameters<typeof named>) => world.send("disputes", "demandNext", [game.disputeId, (await view(game)).turn, ...named(...args)], { from: "challenger", value: demandBond });
  const answer = async (game: Game, stepIndex: number, element: bigint, call: Partial<Call> = {}) => world.send("disputes", "answer", [game.disputeId, (await view(game)).turn, { ...makeWitness(program, element), stepIndex }], { from: "stranger", ...call });
  /** The step that defines inner tensor 1 of block 1. */
  const inside = 3;

  it("expand it first, then are answered by anybody, and convict", async () => {
    const sent = await world.send("disputes", "demand", [jobId, 1, ...named(inside, FRAUD, provedBlock(program, 1))], { from: "challenger", value: demandBond });
    expect(sent.event("BlockNamed")).toEqual({ disputeId: 1n, turn: 0, blockIndex: 1, innerCount: 3 });
    expect(sent.event("Demanded")).toEqual({ disputeId: 1n, turn: 1, stepIndex: inside, source: 3, tensor: 1, element: FRAUD });
    const game = gameOf(1n);
    expect(await view(game)).toMatchObject({ phase: phases.expand, demands: 1, bond: demandBond, position: { source: 3, tensor: 1, stepIndex: inside, index: FRAUD, blockIndex: 1, innerCount: 3 } });
    await expectRevert(answer(game, inside, FRAUD), "WrongPhase", [1n, phases.expand]);
    await expand(game);
    expect(await view(game)).toMatchObject({ phase: phases.answer, turn: 1 });
    await expectClaim(1);
    const { turnStart } = await view(game);
    await expectRevert(answer(game, inside, FRAUD, { at: turnStart + BigInt(sealAge) - 1n }), "TooSoon", [1n, turnStart + BigInt(sealAge)]);
    await answer(game, inside, FRAUD);
    expect(await view(game)).toMatchObject({ phase: phases.ended, outcome: outcomes.challengerWon });
    expect((await world.account("challenger")).credits).toBe(5000n + demandBond);
  });

  it("need the step's own block, and an element of what it defines", async () => {
    await expectRevert(demand(inside, SOUND), "StepOfAnotherBlock", [1, 0]);
    await expectRevert(demand(inside, SOUND, provedBlock(program, 2)), "StepOfAnotherBlock", [1, 2]);
    await expectRevert(demand(inside, SOUND, { ...provedBlock(program, 1), proof: [] }), "ProofLength");
    await expectRevert(demand(stepAt(program, 3, 0, 1), 20n, provedBlock(program, 1)), "NoSuchElement", [20n, 20n]);
    // A border that reads inside needs the block as well; one that does not is asked about as ever.
    expect(await view(await demand(stepAt(program, 2, 2), SOUND, provedBlock(program, 1)))).toMatchObject({ phase: phases.expand, position: { source: 2, tensor: 2 } });
    expect(await view(await demand(stepAt(program, 2, 1), SOUND))).toMatchObject({ phase: phases.answer, position: { innerCount: 0 } });
  });

  it("keep the inner root until another block is needed", async () => {
    const game = await demand(stepAt(program, 2, 2), SOUND, provedBlock(program, 1));
    await expand(game);
    await expectClaim(1);
    await answer(game, stepAt(program, 2, 2), SOUND);
    // Three turns have been made, and one demand.
    expect(await view(game)).toMatchObject({ phase: phases.demand, turn: 2, demands: 1, bond: demandBond });
    await demandNext(game, inside, SOUND);
    expect(await view(game)).toMatchObject({ phase: phases.answer, demands: 2, bond: 2n * demandBond, position: { innerRoot: trace.inner[1]?.root } });
    await answer(game, inside, SOUND);
    await world.expectSolvent();
    await expectRevert(demandNext(game, stepAt(program, 3, 0, 2), SOUND), "StepOfAnotherBlock", [2, 0]);
    await demandNext(game, stepAt(program, 3, 0, 2), SOUND, provedBlock(program, 2));
    expect(await view(game)).toMatchObject({ phase: phases.expand, demands: 3, position: { blockIndex: 2, innerCount: 1, innerRoot: noSeal } });
    await expand(game);
    await expectClaim(2);
    await answer(game, stepAt(program, 3, 0, 2), SOUND);
    await expectRevert(demandNext(game, stepAt(program, 2, 0), SOUND), "TooManyDemands", [game.disputeId, 3n]);
    await world.send("disputes", "concede", [game.disputeId], { from: "challenger" });
    expect((await world.account("executor")).credits).toBe(3n * demandBond);
  });

  it("that are not expanded convict by the clock", async () => {
    const game = await demand(inside, SOUND, provedBlock(program, 1));
    await timeout(game);
    expect(await view(game)).toMatchObject({ outcome: outcomes.challengerWon });
    expect((await world.account("challenger")).credits).toBe(5000n + demandBond);
  });

  it("cannot name an inner tensor that the block does not have", async () => {
    const wrong = makeBlockProgram([[{ bytes: 9 }, { bytes: 8, isBorder: true, readsInner: true }]], { 0: { index: 1 } });
    await register(world, wrong);
    const oddJob = await committedJob(world, wrong, makeTrace(wrong), "second");
    const [index, step, proof] = namedStep(wrong, 0);
    await expectRevert(world.send("disputes", "demand", [oddJob, 1, index, 0n, step, proof, provedBlock(wrong, 0)], { from: "challenger", value: demandBond }), "UndemandableStep", [3, 1]);
  });
});

describe("a copier at the end of a bisection", () => {
  it("that has played its own to the same chunk still gets nothing", async () => {
    const honest = gameOf(await open(world, jobId));
    const copy = gameOf(await open(world, jobId, noSeal, { from: "rival" }), "rival");
    for (const game of [honest, copy]) {
      await reveal(game);
      await choose(game, 1);
      await descend(game, 2);
      await revealChunk(game);
    }
    await expectClaim();
    await sealWith(honest, FRAUD);
    const { sealedAt } = await view(honest);
    const ripe = sealedAt + BigInt(sealAge);
    // The original waits in the pool; the copier reads it there and seals at once.
    await sealWith(copy, FRAUD, "rival", { at: ripe });
    await expectRevert(refute(copy, FRAUD, { from: "rival" }), "TooSoon", [copy.disputeId, ripe + BigInt(sealAge)]);
    await refute(honest, FRAUD, { at: ripe + BigInt(sealAge) - 1n });
    await expectRevert(refute(copy, FRAUD, { from: "rival" }), "CommitmentGone", [copy.disputeId]);
    await world.send("disputes", "close", [copy.disputeId], { from: "rival" });
    expect((await world.account("rival")).credits).toBe(bond);
    expect((await world.account("challenger")).credits).toBe(5000n + bond);
  });
});
