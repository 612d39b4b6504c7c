import { encodeAbiParameters, type Hex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../protocol/hex.ts";
import { createWorld, expectRevert, outcomes, phases, testConfig, type Call, type World } from "./helpers/createWorld.ts";
import { childrenNow, choiceTowards, choose, descend, namedStep, reveal, revealChunk, type Game } from "./helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { committedJob, noSeal, open, register, salt, sealOf } from "./helpers/scenes.ts";

let world: World;
let program: TestProgram;
let trace: TestTrace;
let jobId: bigint;
let game: Game;
let restore: () => Promise<void>;

// 20 tensors, two levels of reveal; tensor 17 has 18 chunks, the last of them short.
const bytesOf = (index: number) => (index === 17 ? 17 * 1024 + 5 : 8 + index);

beforeAll(async () => {
  world = await createWorld();
  program = makeProgram(Array.from({ length: 20 }, (_, index) => bytesOf(index)));
  trace = makeTrace(program);
  await register(world, program);
  jobId = await committedJob(world, program, trace);
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
  game = { world, program, trace, disputeId: await open(world, jobId) };
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const flip = (hash: Hex, byte: number): Hex => `${hash.slice(0, 2 + byte * 2)}${(Number.parseInt(hash.slice(2 + byte * 2, 4 + byte * 2), 16) ^ 1).toString(16).padStart(2, "0")}${hash.slice(4 + byte * 2)}` as Hex;
const sealWith = async (element: bigint, call: Partial<Call> = {}) => world.send("disputes", "seal", [game.disputeId, (await view()).turn, sealOf(world.address.challenger, makeWitness(program, element))], { from: "challenger", ...call });
const refute = (element: bigint, call: Partial<Call> = {}) => world.send("disputes", "refute", [game.disputeId, salt, makeWitness(program, element)], { from: "challenger", ...call });
const { sealAge } = testConfig.rules;
const timeout = (at?: bigint) => world.send("disputes", "timeout", [game.disputeId], at === undefined ? { from: "stranger" } : { from: "stranger", at });
const view = () => world.dispute(game.disputeId);

describe("a whole game", () => {
  it("goes from the trace root to a chunk and to the judge, with everything in the events", async () => {
    const first = await reveal(game);
    expect(first.event("Revealed")).toEqual({ disputeId: game.disputeId, turn: 0, node: trace.root, children: await previousChildren() });
    expect(await view()).toMatchObject({ phase: phases.choose, turn: 1, position: { node: toHex(trace.tree.top), atRoot: false, levels: 5, index: 0n } });
    const second = await choose(game, 17);
    expect(second.event("Chosen")).toMatchObject({ turn: 1, index: 8n });
    expect(await view()).toMatchObject({ phase: phases.reveal, turn: 2, position: { levels: 1, index: 8n } });
    await reveal(game);
    const named = await choose(game, 17);
    const root = toHex(trace.tree.levels[0]!.subarray(17 * 32, 18 * 32));
    expect(named.event("Chosen")).toEqual({ disputeId: game.disputeId, turn: 3, index: 17n, child: root });
    expect(named.event("TensorNamed")).toEqual({ disputeId: game.disputeId, turn: 3, source: 2, tensor: 17, stepIndex: 17, byteLength: BigInt(bytesOf(17)), tensorRoot: root });
    expect(await view()).toMatchObject({ phase: phases.reveal, turn: 4, position: { node: root, atRoot: true, levels: 5, index: 0n, tensor: 17, stepIndex: 17, byteLength: BigInt(bytesOf(17)), leaves: 18n } });
    await descend(game, 17);
    expect(await view()).toMatchObject({ phase: phases.revealChunk, turn: 8, position: { index: 17n } });
    const revealed = await revealChunk(game);
    expect(revealed.event("ChunkRevealed")).toEqual({ disputeId: game.disputeId, turn: 8, tensor: 17, chunk: 17n, data: toHex(trace.tensors[17]!.subarray(17 * 1024)) });
    expect(await view()).toMatchObject({ phase: phases.refute, turn: 9 });
    await expectRevert(refute(1n), "NotSealed", [game.disputeId]);
    await sealWith(0n);
    await world.time.increase(sealAge);
    await expectRevert(refute(0n), "WitnessSound");
    await expectRevert(refute(1n), "WrongSeal");
    // A mistake can be mended: another seal, with an age of its own.
    const sealed = await sealWith(1n);
    const { turn, sealedAt, seal } = await view();
    expect(sealed.event("Sealed")).toEqual({ disputeId: game.disputeId, turn: turn - 1, seal });
    expect(await view()).toMatchObject({ phase: phases.refute, turn: 11, position: { node: noSeal } });
    await expectRevert(refute(1n, { at: sealedAt + BigInt(sealAge) - 1n }), "TooSoon", [game.disputeId, sealedAt + BigInt(sealAge)]);
    await refute(1n);
    expect(await view()).toMatchObject({ phase: phases.ended, outcome: outcomes.challengerWon });
    expect((await world.account("challenger")).credits).toBe(5000n + testConfig.rules.bond);
  });

  it("without a refutation at the end is the defender's", async () => {
    await descend(game, 3);
    await descend(game, 0);
    await revealChunk(game);
    await expectRevert(world.send("disputes", "refute", [game.disputeId, noSeal, makeWitness(program, 1n)], { from: "rival" }), "NotChallenger");
    const { deadline } = await view();
    await timeout(deadline + 1n);
    expect(await view()).toMatchObject({ phase: phases.ended, outcome: outcomes.defenderWon });
    expect((await world.account("executor")).credits).toBe(testConfig.rules.bond);
  });

  async function previousChildren(): Promise<Hex[]> {
    return trace.tree.levels[1] === undefined ? [] : Array.from({ length: 16 }, (_, i) => (i < 10 ? toHex(trace.tree.levels[1]!.subarray(i * 32, i * 32 + 32)) : zeroPair));
  }
});

// H(0 ‖ 0): the top of two missing leaves.
const zeroPair = "0xf5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b";

describe("a move names its turn", () => {
  it("and one that was made already is told apart from one that is wrong", async () => {
    const children = await childrenNow(game);
    await reveal(game);
    await expectRevert(reveal({ ...game, defender: "executor" }, children), "WrongPhase", [game.disputeId, phases.choose]);
    await expectRevert(world.send("disputes", "reveal", [game.disputeId, 0, children], { from: "executor" }), "MoveAlreadyMade", [game.disputeId, 0, 1]);
    await expectRevert(world.send("disputes", "reveal", [game.disputeId, 2, children], { from: "executor" }), "MoveTooEarly", [game.disputeId, 2, 1]);
    const { args } = await choiceTowards(game, 3);
    await choose(game, 3);
    await expectRevert(world.send("disputes", "choose", args, { from: "challenger" }), "MoveAlreadyMade", [game.disputeId, 1, 2]);
    await descend(game, 3);
    await descend(game, 0);
    const chunk = toHex(trace.tensors[3] as Uint8Array);
    const { turn } = await view();
    await revealChunk(game);
    await expectRevert(world.send("disputes", "revealChunk", [game.disputeId, turn, chunk], { from: "stranger" }), "MoveAlreadyMade", [game.disputeId, turn, turn + 1]);
    await expectRevert(world.send("disputes", "revealChunk", [game.disputeId, turn + 1, chunk], { from: "stranger" }), "WrongPhase", [game.disputeId, phases.refute]);
  });

  it("the challenger's moves are the challenger's alone", async () => {
    await reveal(game);
    await expectRevert(choose({ ...game, challenger: "rival" }, 3), "NotChallenger", [game.disputeId, world.address.rival, world.address.challenger]);
  });
});

describe("a reveal", () => {
  it("is refused with any child changed, and with too few or too many", async () => {
    const children = await childrenNow(game);
    for (let i = 0; i < children.length; i++) {
      await expectRevert(reveal(game, children.map((child, j) => (i === j ? flip(child, (i * 7) % 32) : child))), "WrongChildren");
    }
    await expectRevert(reveal(game, children.slice(1)), "WrongChildCount", [16n, 15n]);
    await expectRevert(reveal(game, [...children, noSeal]), "WrongChildCount", [16n, 17n]);
    await expectRevert(reveal(game, []), "WrongChildCount", [16n, 0n]);
    await expectRevert(reveal(game, [children[1]!, children[0]!, ...children.slice(2)]), "WrongChildren");
  });

  it("of a tensor root cannot be answered from another tensor, nor a node with its root's preimage", async () => {
    await descend(game, 17);
    const other = { ...game, trace: makeTrace(program, 1) };
    await expectRevert(reveal(game, await childrenNow(other)), "WrongChildren");
    await reveal(game);
    await choose(game, 3);
    expect(await childrenNow(other)).toHaveLength(2);
    await expectRevert(reveal(game, await childrenNow(other)), "WrongChildren");
    await expectRevert(reveal(game, [flip((await childrenNow(game))[0]!, 0), (await childrenNow(game))[1]!]), "WrongChildren");
  });
});

describe("a choice", () => {
  it("is refused with the child, a sibling, the index or the length changed", async () => {
    await reveal(game);
    const { args } = await choiceTowards(game, 3);
    const [disputeId, turn, index, child, siblings] = args;
    const send = (...changed: unknown[]) => world.send("disputes", "choose", [disputeId, turn, ...changed], { from: "challenger" });
    for (const byte of [0, 13, 31]) await expectRevert(send(index, flip(child, byte), siblings), "WrongChoice");
    for (let i = 0; i < siblings.length; i++) {
      await expectRevert(send(index, child, siblings.map((sibling, j) => (i === j ? flip(sibling, i) : sibling))), "WrongChoice");
    }
    for (const wrong of [0n, 2n, 3n, 9n, 15n]) await expectRevert(send(wrong, child, siblings), "WrongChoice");
    await expectRevert(send(16n, child, siblings), "IndexOutOfTree", [16n, 16n]);
    await expectRevert(send(index + 16n, child, siblings), "IndexOutOfTree");
    await expectRevert(send(index, child, siblings.slice(1)), "ProofLength", [4n, 3n]);
    await expectRevert(send(index, child, [...siblings, child]), "ProofLength", [4n, 5n]);
  });

  it("cannot go into padding", async () => {
    await reveal(game);
    // Leaves 20 to 31 are missing: children 10 to 15 of the first reveal hold nothing else.
    await expectRevert(choose(game, 20), "PaddingLeaf", [20n, 20n]);
    await expectRevert(choose(game, 31), "PaddingLeaf", [30n, 20n]);
    await choose(game, 19);
  });

  it("of a chunk that does not exist is refused", async () => {
    await descend(game, 17);
    await reveal(game);
    await expectRevert(choose(game, 18), "PaddingLeaf", [18n, 18n]);
  });
});

describe("naming the step", () => {
  const atLeaf = async (tensor: number) => {
    await reveal(game);
    await choose(game, tensor);
    await reveal(game);
    return (await choiceTowards(game, tensor)).args;
  };
  const name = (args: readonly unknown[], step: readonly unknown[]) => world.send("disputes", "chooseTensor", [...args, ...step], { from: "challenger" });

  it("is needed at a tensor and refused before", async () => {
    await reveal(game);
    await expectRevert(name((await choiceTowards(game, 5)).args, namedStep(program, 5)), "NotAtTensor", [game.disputeId, 1]);
    await choose(game, 5);
    await reveal(game);
    await expectRevert(world.send("disputes", "choose", (await choiceTowards(game, 5)).args, { from: "challenger" }), "StepNeeded", [game.disputeId]);
  });

  it("takes only a step of the program that defines this tensor", async () => {
    const args = await atLeaf(5);
    const [index, step, proof] = namedStep(program, 5);
    await expectRevert(name(args, namedStep(program, 6)), "StepDefinesAnotherTensor", [2, 6, 5]);
    await expectRevert(name(args, [index, flip(step, step.length / 2 - 10), proof]), "StepNotInProgram", [5]);
    await expectRevert(name(args, [index, `${step}00`, proof]), "StepNotInProgram", [5]);
    await expectRevert(name(args, [6, step, proof]), "StepNotInProgram", [6]);
    await expectRevert(name(args, [index, step, proof.map((hash, i) => (i === 2 ? flip(hash, 3) : hash))]), "StepNotInProgram", [5]);
    await expectRevert(name(args, [20, step, proof]), "IndexOutOfTree", [20n, 20n]);
    await expectRevert(name(args, [index, step, proof.slice(1)]), "ProofLength", [5n, 4n]);
    await expectRevert(name(args, [index, encodeAbiParameters([{ type: "uint256" }], [1n]), proof]), "StepNotInProgram", [5]);
    await name(args, [index, step, proof]);
  });

  it("refuses results that are no tensor of the trace, or have no size", async () => {
    const bad = makeProgram([8, 8, 8, 8, 8, 8], [0], {
      0: { source: 1 },
      1: { dtype: 8 },
      2: { shape: [4, 0] },
      3: { shape: [2 ** 24, 2 ** 24, 2] },
      4: { shape: Array.from({ length: 40 }, () => 2 ** 32 - 1) },
      5: { shape: [], dtype: 7 },
    });
    const badTrace = makeTrace(bad);
    await register(world, bad);
    const badJob = await committedJob(world, bad, badTrace, "second");
    const played: Game = { world, program: bad, trace: badTrace, disputeId: await open(world, badJob) };
    await reveal(played);
    const named = async (tensor: number) => world.send("disputes", "chooseTensor", [...(await choiceTowards(played, tensor)).args, ...namedStep(bad, tensor)], { from: "challenger" });
    await expectRevert(named(0), "StepDefinesAnotherTensor", [1, 0, 0]);
    await expectRevert(named(1), "UnknownType", [8]);
    await expectRevert(named(2), "BadTensorSize", [2]);
    await expectRevert(named(3), "BadTensorSize", [3]);
    await expectRevert(named(4), "BadTensorSize", [4]);
    // A scalar of int64: one element of eight bytes.
    expect((await named(5)).event("TensorNamed")).toMatchObject({ tensor: 5, byteLength: 8n });
  });

  it("knows the size of each type", async () => {
    const sizes: [number, bigint][] = [[1, 4n], [2, 1n], [3, 1n], [6, 4n], [7, 8n], [9, 1n], [10, 2n], [16, 2n]];
    const typed = makeProgram(sizes.map(() => 3), [0], Object.fromEntries(sizes.map(([dtype], i) => [i, { dtype, shape: [3] }])));
    await register(world, typed);
    const typedTrace = makeTrace(typed);
    const typedJob = await committedJob(world, typed, typedTrace, "second");
    for (const [i, [, size]] of sizes.entries()) {
      const played: Game = { world, program: typed, trace: typedTrace, disputeId: await open(world, typedJob) };
      await reveal(played);
      expect((await choose(played, i)).event("TensorNamed")).toMatchObject({ tensor: i, byteLength: 3n * size });
    }
  });
});

describe("the chunk", () => {
  it("must have its length and its hash", async () => {
    await descend(game, 17);
    await descend(game, 17);
    await expectRevert(revealChunk(game, "0x0001020304"), "WrongChunk");
    await expectRevert(revealChunk(game, toHex(trace.tensors[17]!.subarray(0, 1024))), "WrongChunkLength", [5n, 1024n]);
    await expectRevert(revealChunk(game, "0x"), "WrongChunkLength", [5n, 0n]);
    await revealChunk(game);
  });

  it("of full length has 1024 bytes", async () => {
    await descend(game, 17);
    await descend(game, 16);
    const bytes = trace.tensors[17]!.slice(16 * 1024, 17 * 1024);
    bytes[1023]! ^= 1;
    await expectRevert(revealChunk(game, toHex(bytes)), "WrongChunk");
    await expectRevert(revealChunk(game, toHex(bytes.subarray(1))), "WrongChunkLength", [1024n, 1023n]);
    await revealChunk(game);
  });
});

describe("the clocks", () => {
  const { clock, extension } = testConfig.rules;

  it("convict a defender that does not answer", async () => {
    const { deadline } = await view();
    await expectRevert(timeout(deadline), "ClockStillRuns", [game.disputeId, deadline, deadline]);
    await expectRevert(reveal(game, await childrenNow(game), { at: deadline + 1n }), "ClockRanOut", [game.disputeId, deadline, deadline + 1n]);
    const sent = await timeout();
    expect(sent.event("Convicted")).toMatchObject({ jobId, executor: world.address.executor, challenger: world.address.challenger, attempt: 1 });
    expect(await view()).toMatchObject({ phase: phases.ended, outcome: outcomes.challengerWon });
    expect((await world.account("challenger")).credits).toBe(5000n + testConfig.rules.bond);
  });

  it("take the bond of a challenger that does not choose", async () => {
    await reveal(game);
    const { deadline } = await view();
    await timeout(deadline + 1n);
    expect(await view()).toMatchObject({ outcome: outcomes.defenderWon });
    expect((await world.account("executor")).credits).toBe(testConfig.rules.bond);
  });

  it("charge each side its own time, and accept a move in the last second", async () => {
    const start = (await view()).turnStart;
    await reveal(game, undefined, { at: start + 100n });
    expect(await view()).toMatchObject({ defenderClock: clock - 100, challengerClock: clock, deadline: start + 100n + BigInt(clock) });
    await choose(game, 3, { at: start + 150n });
    expect(await view()).toMatchObject({ defenderClock: clock - 100, challengerClock: clock - 50 });
    const { deadline } = await view();
    expect(deadline).toBe(start + 150n + BigInt(clock) - 100n);
    await reveal(game, undefined, { at: deadline });
    expect(await view()).toMatchObject({ defenderClock: 0 });
  });

  it("give each side an extension before its last move, and bound the whole dispute", async () => {
    const started = (await view()).turnStart;
    // Both sides dawdle: all but nothing is left when the last moves come.
    await reveal(game, undefined, { at: (await view()).deadline - 10n });
    await choose(game, 3, { at: (await view()).deadline - 10n });
    await descend(game, 3);
    await descend(game, 0);
    let state = await view();
    expect(state).toMatchObject({ phase: phases.revealChunk, defenderClock: extension });
    expect(state.challengerClock).toBeLessThan(extension);
    await revealChunk(game, undefined, { at: state.deadline });
    state = await view();
    expect(state).toMatchObject({ phase: phases.refute, defenderClock: 0, challengerClock: extension });
    const bound = await world.read<bigint>("disputes", "MAX_DURATION");
    expect(bound).toBe(2n * BigInt(clock) + 3n * BigInt(extension));
    expect(state.deadline - started).toBeLessThanOrEqual(bound);
    await timeout(state.deadline + 1n);
  });

  it("do not shorten what is left above the extension", async () => {
    await descend(game, 3);
    await descend(game, 0);
    expect((await view()).defenderClock).toBeGreaterThan(extension);
    await revealChunk(game);
    expect((await view()).challengerClock).toBeGreaterThan(extension);
  });
});

describe("games side by side", () => {
  it("end by their own clocks, each against its own side", async () => {
    const rival: Game = { ...game, disputeId: await open(world, jobId, noSeal, { from: "rival" }), challenger: "rival" };
    await reveal(game);
    await world.time.increase(301);
    await timeout();
    expect(await view()).toMatchObject({ outcome: outcomes.defenderWon });
    expect(await world.job(jobId)).toMatchObject({ openDisputes: 1 });
    await world.send("disputes", "timeout", [rival.disputeId], { from: "stranger" });
    expect(await world.dispute(rival.disputeId)).toMatchObject({ outcome: outcomes.challengerWon });
    expect((await world.account("executor")).credits).toBe(testConfig.rules.bond);
    expect((await world.account("rival")).credits).toBe(5000n + testConfig.rules.bond);
    expect(await world.account("challenger")).toMatchObject({ credits: 0n });
  });
});

describe("after another dispute's conviction", () => {
  it("moves are refused with the reason", async () => {
    const idle: Game = { ...game, disputeId: await open(world, jobId, noSeal, { from: "rival" }), challenger: "rival" };
    await world.time.increase(301);
    await timeout();
    await expectRevert(world.send("disputes", "timeout", [idle.disputeId], { from: "rival" }), "CommitmentGone", [idle.disputeId]);
    await expectRevert(world.send("disputes", "concede", [idle.disputeId], { from: "rival" }), "CommitmentGone", [idle.disputeId]);
    await world.send("disputes", "close", [idle.disputeId], { from: "stranger" });
    expect((await world.account("rival")).credits).toBe(testConfig.rules.bond);
  });
});
