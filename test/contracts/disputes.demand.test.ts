import { concat, decodeErrorResult, encodeFunctionData, hexToBigInt, slice, toHex, type BaseError, type Hex } from "viem";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { disputesAbi } from "../../runtime/chain/abis.ts";
import { decodeEvent } from "../../runtime/chain/events.ts";
import { claimOf } from "../../protocol/program/claim.ts";
import { createWorld, expectRevert, jobStatus, outcomes, phases, revertData, testConfig, type Call, type Role, type World } from "./helpers/createWorld.ts";
import { namedStep } from "./helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, noBlock, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, committedJob, digestOf, fee, inputRoot, noSeal, open, register, salt, sealOf } from "./helpers/scenes.ts";

let world: World;
let program: TestProgram;
let trace: TestTrace;
let jobId: bigint;
let restore: () => Promise<void>;

const { demandBond, bond, clock, maxDemands, sealAge } = testConfig.rules;
// The scripted judge: element 1 is a fraud, element 2 malformed, all others are sound.
const FRAUD = 1n;
const MALFORMED = 2n;
const SOUND = 5n;

beforeAll(async () => {
  world = await createWorld();
  program = makeProgram([3000, 20, 30]);
  trace = makeTrace(program);
  await register(world, program);
  jobId = await committedJob(world, program, trace);
  await world.send(world.judge, "expectClaim", [claimOf({ programRoot: program.root, inputRoot, traceRoot: trace.root })], { from: "deployer" });
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const gas: Record<string, bigint> = {};
afterAll(() => {
  console.info("gas of demands", gas);
});

/** Arguments that name an element of a step, as both kinds of demand take them. */
const named = (stepIndex: number, element: bigint, of = program) => {
  const [index, step, proof] = namedStep(of, stepIndex);
  return [index, element, step, proof, noBlock] as const;
};
const witnessFor = (stepIndex: number, element: bigint) => ({ ...makeWitness(program, element), stepIndex });

async function demand(stepIndex: number, element: bigint, call: Partial<Call> = {}, attempt = 1): Promise<bigint> {
  const sent = await world.send("disputes", "demand", [jobId, attempt, ...named(stepIndex, element)], { from: "challenger", value: demandBond, ...call });
  gas["demand"] = sent.gas;
  return sent.event("Opened")?.disputeId as bigint;
}
const demandNext = (disputeId: bigint, turn: number, stepIndex: number, element: bigint, call: Partial<Call> = {}) =>
  world.send("disputes", "demandNext", [disputeId, turn, ...named(stepIndex, element)], { from: "challenger", value: demandBond, ...call });
const answer = (disputeId: bigint, turn: number, witness: ReturnType<typeof witnessFor>, call: Partial<Call> = {}) => world.send("disputes", "answer", [disputeId, turn, witness], { from: "executor", ...call });
const timeout = (disputeId: bigint, at: bigint) => world.send("disputes", "timeout", [disputeId], { from: "stranger", at });
const concede = (disputeId: bigint, from: Role = "challenger") => world.send("disputes", "concede", [disputeId], { from });
const now = async () => BigInt(await world.time.latest());

describe("a demand", () => {
  it("names a step and an element, and waits for the defender", async () => {
    const sent = await world.send("disputes", "demand", [jobId, 1, ...named(0, 2999n)], { from: "challenger", value: demandBond });
    expect(sent.event("Opened")).toEqual({ disputeId: 1n, jobId, challenger: world.address.challenger, attempt: 1, seal: noSeal, bond: demandBond });
    expect(sent.event("Demanded")).toEqual({ disputeId: 1n, turn: 0, stepIndex: 0, source: 2, tensor: 0, element: 2999n });
    const at = await now();
    expect(await world.dispute(1n)).toEqual({
      jobId, attempt: 1, phase: phases.answer, outcome: outcomes.none, turn: 0, turnStart: at, deadline: at + BigInt(clock), challengerClock: clock, defenderClock: clock,
      challenger: world.address.challenger, demands: 1, bond: demandBond, seal: noSeal, sealedAt: 0n,
      position: { node: noSeal, atRoot: false, levels: 0, index: 2999n, source: 2, tensor: 0, stepIndex: 0, byteLength: 3000n, leaves: 0n, blockIndex: 0, innerCount: 0, innerRoot: noSeal },
    });
    expect(await world.job(jobId)).toMatchObject({ openDisputes: 1 });
  });

  it("takes exactly the bond, in the challenge window, against a standing commitment", async () => {
    await expectRevert(demand(0, SOUND, { value: demandBond - 1n }), "WrongBond", [demandBond - 1n, demandBond]);
    await expectRevert(demand(0, SOUND, { value: bond }), "WrongBond", [bond, demandBond]);
    await expectRevert(demand(0, SOUND, {}, 2), "NotStanding", [jobId, await digestOf(world, jobId), noSeal]);
    const { deadline } = await world.job(jobId);
    await demand(0, SOUND, { at: deadline });
    await expectRevert(demand(0, SOUND), "DeadlinePassed", [jobId, deadline, deadline + 1n]);
  });

  it("must name an element that the step has", async () => {
    await expectRevert(demand(0, 3000n), "NoSuchElement", [3000n, 3000n]);
    await expectRevert(demand(1, 2n ** 64n - 1n), "NoSuchElement", [2n ** 64n - 1n, 20n]);
    await demand(1, 19n);
  });

  it("must prove the step into the program, to the byte", async () => {
    const [, element, step, proof] = named(1, SOUND);
    const send = (args: readonly unknown[]) => world.send("disputes", "demand", [jobId, 1, ...args, noBlock], { from: "challenger", value: demandBond });
    await expectRevert(send([0, element, step, proof]), "StepNotInProgram", [0]);
    await expectRevert(send([3, element, step, proof]), "IndexOutOfTree", [3n, 3n]);
    await expectRevert(send([1, element, step, proof.slice(1)]), "ProofLength", [2n, 1n]);
    await expectRevert(send([1, element, step, [...proof, proof[0]]]), "ProofLength", [2n, 3n]);
    const flipped = (hex: Hex, at: number): Hex => `0x${hex.slice(2, 2 + at)}${hex[2 + at] === "0" ? "1" : "0"}${hex.slice(3 + at)}`;
    for (const at of [0, 63, 200, step.length - 4]) await expectRevert(send([1, element, flipped(step, at), proof]), "StepNotInProgram", [1]);
    for (const k of [0, 1]) await expectRevert(send([1, element, step, proof.map((hash, i) => (i === k ? flipped(hash, 9) : hash))]), "StepNotInProgram", [1]);
  });

  it("cannot be of what the judge could not be shown", async () => {
    const odd = makeProgram([8, 8, 8, 8], [3], { 0: { source: 1 }, 1: { index: 4 }, 2: { dtype: 8 } });
    await register(world, odd);
    const oddJob = await committedJob(world, odd, makeTrace(odd), "second");
    const send = (stepIndex: number) => world.send("disputes", "demand", [oddJob, 1, ...named(stepIndex, 0n, odd)], { from: "challenger", value: demandBond });
    await expectRevert(send(0), "UndemandableStep", [1, 0]);
    await expectRevert(send(1), "UndemandableStep", [2, 4]);
    await expectRevert(send(2), "UnknownType", [8]);
    await send(3);
    const empty = makeProgram([8, 8], [1], { 0: { shape: [4, 0] } });
    await register(world, empty);
    const emptyJob = await committedJob(world, empty, makeTrace(empty), "rival");
    await expectRevert(world.send("disputes", "demand", [emptyJob, 1, ...named(0, 0n, empty)], { from: "challenger", value: demandBond }), "BadTensorSize", [0]);
  });
});

describe("an answer", () => {
  it("is exactly the witness that was demanded", async () => {
    const disputeId = await demand(1, SOUND);
    await expectRevert(answer(disputeId, 0, witnessFor(0, SOUND)), "NotDemanded", [disputeId, 1, SOUND]);
    await expectRevert(answer(disputeId, 0, witnessFor(1, SOUND + 1n)), "NotDemanded", [disputeId, 1, SOUND]);
    await expectRevert(answer(disputeId, 1, witnessFor(1, SOUND)), "MoveTooEarly", [disputeId, 1, 0]);
    const witness = witnessFor(1, SOUND);
    const sent = await answer(disputeId, 0, witness, { from: "stranger" });
    expect(sent.event("Answered")).toEqual({ disputeId, turn: 0, witness });
    expect(sent.event("Refuted")).toBeUndefined();
    await expectRevert(answer(disputeId, 0, witness), "MoveAlreadyMade", [disputeId, 0, 1]);
    await expectRevert(answer(disputeId, 1, witness), "WrongPhase", [disputeId, phases.demand]);
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.demand, turn: 1, bond: demandBond, challengerClock: clock });
  });

  it("that proves a fraud is as old as a seal has to be, where it would outrun a sealed refutation", async () => {
    const sealed = await open(world, jobId, sealOf(world.address.challenger, witnessFor(0, FRAUD)));
    await world.time.increase(sealAge);
    await world.connection.provider.request({ method: "evm_setAutomine", params: [false] });
    const at = (await now()) + 10n;
    const target = { address: world.deployment.contracts.disputes, abi: disputesAbi, gas: 3_000_000n } as const;
    const digest = await digestOf(world, jobId);
    // The rival has read the witness in the pool, and gets into the same block before it.
    const hashes = [
      await world.walletClient.writeContract({ ...target, account: world.address.rival, functionName: "demand", args: [jobId, digest, ...named(0, FRAUD)], value: demandBond, maxPriorityFeePerGas: 9_000_000_000n, maxFeePerGas: 99_000_000_000n }),
      await world.walletClient.writeContract({ ...target, account: world.address.rival, functionName: "answer", args: [2n, 0, witnessFor(0, FRAUD)], maxPriorityFeePerGas: 8_000_000_000n, maxFeePerGas: 99_000_000_000n }),
      await world.walletClient.writeContract({ ...target, account: world.address.challenger, functionName: "refute", args: [sealed, salt, witnessFor(0, FRAUD)], maxPriorityFeePerGas: 1_000_000_000n, maxFeePerGas: 99_000_000_000n }),
    ];
    await world.time.setNextBlockTimestamp(at);
    await world.connection.networkHelpers.mine(1);
    await world.connection.provider.request({ method: "evm_setAutomine", params: [true] });
    const receipts = await Promise.all(hashes.map((hash) => world.publicClient.getTransactionReceipt({ hash })));
    expect(receipts.map(({ status, transactionIndex }) => [status, transactionIndex])).toEqual([["success", 0], ["reverted", 1], ["success", 2]]);
    expect(await world.dispute(sealed)).toMatchObject({ outcome: outcomes.challengerWon });
    await world.send("disputes", "close", [2n], { from: "rival" });
    expect((await world.account("rival")).credits).toBe(demandBond);
    expect((await world.account("challenger")).credits).toBe(5000n + bond);
  });

  it("is one that its event repeats: no offset leads in front of the witness or to bytes that another part has", async () => {
    const disputeId = await demand(1, SOUND);
    const data = encodeFunctionData({ abi: disputesAbi, functionName: "answer", args: [disputeId, 0, witnessFor(1, SOUND)] });
    const word = (at: number): bigint => hexToBigInt(slice(data, at, at + 32));
    const replaced = (at: number, value: bigint): Hex => concat([slice(data, 0, at), toHex(BigInt.asUintN(256, value), { size: 32 }), slice(data, at + 32)]);
    const start = 4 + Number(word(4 + 64));
    const result = Number(word(start + 5 * 32));
    const stepProof = Number(word(start + 3 * 32));
    const size = BigInt(data.length / 2 - 1);
    const [from, to] = [world.address.executor, world.deployment.contracts.disputes];
    for (const [at, offset] of [
      // The judge's calldata has the claim there, and its inner root is zero: an empty proof.
      [result + 32, BigInt(-4 * 32 - result)],
      // The proof of the step once more, and the end of calldata.
      [result + 32, BigInt(stepProof - result)],
      [result + 32, size - BigInt(start + result) - 32n],
      [3 * 32, size],
    ] as const) {
      const refused = await world.publicClient.call({ account: from, to, data: replaced(start + at, offset) }).then(
        () => undefined,
        (error: BaseError) => revertData(error),
      );
      expect(decodeErrorResult({ abi: disputesAbi, data: refused ?? "0x" })).toMatchObject({ errorName: "WitnessMisplaced", args: [BigInt(at)] });
    }
    // What follows the witness does not matter to it.
    const hash = await world.walletClient.sendTransaction({ account: from, to, data: concat([data, "0x1234"]) });
    const { logs } = await world.publicClient.getTransactionReceipt({ hash });
    const [answered] = logs.map((log) => decodeEvent(world.deployment as never, log));
    expect(answered).toMatchObject({ name: "Answered", args: { disputeId, turn: 0, witness: witnessFor(1, SOUND) } });
  });

  it("that the judge cannot read is none: its error is handed on and the clock runs", async () => {
    const disputeId = await demand(0, MALFORMED);
    await expectRevert(answer(disputeId, 0, witnessFor(0, MALFORMED)), "MalformedElement", [MALFORMED]);
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.answer, turn: 0 });
  });

  it("counts in the last second of the clock and not after it", async () => {
    const disputeId = await demand(0, SOUND);
    const { deadline } = await world.dispute(disputeId);
    const snapshot = await world.snapshot();
    await expectRevert(answer(disputeId, 0, witnessFor(0, SOUND), { at: deadline + 1n }), "ClockRanOut", [disputeId, deadline, deadline + 1n]);
    await snapshot.restore();
    await expectRevert(timeout(disputeId, deadline), "ClockStillRuns", [disputeId, deadline, deadline]);
    await snapshot.restore();
    await answer(disputeId, 0, witnessFor(0, SOUND), { at: deadline });
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.demand, defenderClock: 0 });
  });

  it("with a fraud convicts when it has the age of a seal, whoever gave it: reward and bond are the challenger's", async () => {
    const disputeId = await demand(0, FRAUD);
    const ripe = (await now()) + BigInt(sealAge);
    await expectRevert(answer(disputeId, 0, witnessFor(0, FRAUD), { at: ripe - 1n }), "TooSoon", [disputeId, ripe]);
    const sent = await answer(disputeId, 0, witnessFor(0, FRAUD), { from: "rival" });
    gas["answer and conviction, without the judge"] = sent.gas;
    expect(sent.events.map(({ eventName }) => eventName).filter((name) => ["Answered", "Refuted", "Convicted", "Ended"].includes(name))).toEqual(["Answered", "Refuted", "Convicted", "Ended"]);
    expect(sent.event("Refuted")).toMatchObject({ disputeId, stepIndex: 0, element: FRAUD, verdict: { fraud: true } });
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.challengerWon, bondTo: world.address.challenger });
    expect((await world.account("challenger")).credits).toBe(5000n + demandBond);
    expect((await world.account("requester")).credits).toBe(2000n);
    expect(await world.account("rival")).toMatchObject({ free: 0n, locked: 0n, credits: 0n });
    expect(await world.account("executor")).toMatchObject({ free: 0n, locked: 0n, credits: 0n });
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 2, openDisputes: 0 });
    await expectRevert(answer(disputeId, 0, witnessFor(0, FRAUD)), "DisputeOver", [disputeId, outcomes.challengerWon]);
  });

  it("that never comes convicts by the clock", async () => {
    const disputeId = await demand(2, SOUND);
    const { deadline } = await world.dispute(disputeId);
    const sent = await timeout(disputeId, deadline + 1n);
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.challengerWon, bondTo: world.address.challenger });
    expect((await world.account("challenger")).credits).toBe(5000n + demandBond);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 2 });
  });
});

describe("after a sound answer", () => {
  const answered = async (stepIndex = 2): Promise<bigint> => {
    const disputeId = await demand(stepIndex, SOUND);
    gas["sound answer, without the judge"] = (await answer(disputeId, 0, witnessFor(stepIndex, SOUND))).gas;
    return disputeId;
  };

  it("the challenger may ask on, with one more bond each time, up to the limit", async () => {
    const disputeId = await answered();
    await expectRevert(demandNext(disputeId, 1, 1, SOUND, { from: "rival" }), "NotChallenger", [disputeId, world.address.rival, world.address.challenger]);
    await expectRevert(demandNext(disputeId, 1, 1, SOUND, { value: demandBond + 1n }), "WrongBond", [demandBond + 1n, demandBond]);
    await expectRevert(demandNext(disputeId, 1, 1, SOUND, { value: 0n }), "WrongBond", [0n, demandBond]);
    await expectRevert(demandNext(disputeId, 0, 1, SOUND), "MoveAlreadyMade", [disputeId, 0, 1]);
    await expectRevert(demandNext(disputeId, 2, 1, SOUND), "MoveTooEarly", [disputeId, 2, 1]);
    await expectRevert(demandNext(disputeId, 1, 1, 20n), "NoSuchElement", [20n, 20n]);
    await expectRevert(world.send("disputes", "demandNext", [disputeId, 1, 2, ...named(1, SOUND).slice(1)], { from: "challenger", value: demandBond }), "StepNotInProgram", [2]);
    const sent = await demandNext(disputeId, 1, 1, SOUND);
    gas["next demand"] = sent.gas;
    expect(sent.event("Demanded")).toEqual({ disputeId, turn: 2, stepIndex: 1, source: 2, tensor: 1, element: SOUND });
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.answer, turn: 2, bond: 2n * demandBond, position: { stepIndex: 1, tensor: 1, index: SOUND, byteLength: 20n } });
    await world.expectSolvent();
    await expectRevert(demandNext(disputeId, 2, 0, SOUND), "WrongPhase", [disputeId, phases.answer]);
    await expectRevert(answer(disputeId, 2, witnessFor(2, SOUND)), "NotDemanded", [disputeId, 1, SOUND]);
    await answer(disputeId, 2, witnessFor(1, SOUND), { from: "second" });
    await demandNext(disputeId, 3, 0, SOUND);
    await answer(disputeId, 4, witnessFor(0, SOUND));
    expect(maxDemands).toBe(3);
    await expectRevert(demandNext(disputeId, 5, 0, 0n), "TooManyDemands", [disputeId, BigInt(maxDemands)]);
    expect(await world.dispute(disputeId)).toMatchObject({ bond: 3n * demandBond });
  });

  it("may ask on after the challenge window, so that slow answers do not save a cheater", async () => {
    const disputeId = await answered();
    const { deadline } = await world.job(jobId);
    await demandNext(disputeId, 1, 1, FRAUD, { at: deadline + 50n });
    await world.time.increase(sealAge);
    await expectRevert(world.send("jobs", "finalize", [jobId], { from: "stranger" }), "DisputesOpen", [jobId, 1n]);
    await answer(disputeId, 2, witnessFor(1, FRAUD));
    expect((await world.account("challenger")).credits).toBe(5000n + 2n * demandBond);
  });

  it("has one clock a side for all questions and all answers", async () => {
    const disputeId = await demand(2, SOUND);
    const start = await now();
    await answer(disputeId, 0, witnessFor(2, SOUND), { at: start + 120n });
    await demandNext(disputeId, 1, 1, SOUND, { at: start + 150n });
    expect(await world.dispute(disputeId)).toMatchObject({ defenderClock: clock - 120, challengerClock: clock - 30, deadline: start + 150n + 180n });
    await answer(disputeId, 2, witnessFor(1, SOUND), { at: start + 330n });
    expect(await world.dispute(disputeId)).toMatchObject({ defenderClock: 0, challengerClock: clock - 30, deadline: start + 330n + 270n });
    await expectRevert(demandNext(disputeId, 3, 0, SOUND, { at: start + 601n }), "ClockRanOut", [disputeId, start + 600n, start + 601n]);
    const sent = await timeout(disputeId, start + 700n);
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.defenderWon, bondTo: world.address.executor });
    expect((await world.account("executor")).credits).toBe(2n * demandBond);
    expect(700n).toBeLessThan(await world.read<bigint>("disputes", "MAX_DURATION"));
  });

  it("the challenger may give up at once: all bonds are the defender's, and the job goes on", async () => {
    const disputeId = await answered();
    await demandNext(disputeId, 1, 1, SOUND);
    await expectRevert(concede(disputeId), "WrongPhase", [disputeId, phases.answer]);
    await answer(disputeId, 2, witnessFor(1, SOUND));
    await expectRevert(concede(disputeId, "rival"), "NotChallenger", [disputeId, world.address.rival, world.address.challenger]);
    const sent = await concede(disputeId);
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.defenderWon, bondTo: world.address.executor });
    expect((await world.account("executor")).credits).toBe(2n * demandBond);
    expect((await world.account("challenger")).credits).toBe(0n);
    const { deadline } = await world.job(jobId);
    await world.send("jobs", "finalize", [jobId], { from: "stranger", at: deadline + 1n });
    expect((await world.account("executor")).credits).toBe(2n * demandBond + fee);
    await expectRevert(concede(disputeId), "DisputeOver", [disputeId, outcomes.defenderWon]);
  });

  it("all bonds come back if another dispute convicts, and nothing moves any more", async () => {
    const disputeId = await answered();
    await demandNext(disputeId, 1, 1, SOUND);
    const sealed = await open(world, jobId, sealOf(world.address.rival, witnessFor(0, FRAUD)), { from: "rival" });
    await world.time.increase(sealAge);
    await world.send("disputes", "refute", [sealed, salt, witnessFor(0, FRAUD)], { from: "rival" });
    await expectRevert(answer(disputeId, 2, witnessFor(1, SOUND)), "CommitmentGone", [disputeId]);
    await expectRevert(concede(disputeId), "CommitmentGone", [disputeId]);
    await world.send("disputes", "close", [disputeId], { from: "stranger" });
    expect((await world.account("challenger")).credits).toBe(2n * demandBond);
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    await world.send("jobs", "claim", [jobId], { from: "second" });
    await commit(world, jobId, program, trace, "second");
    await expectRevert(answer(disputeId, 2, witnessFor(1, SOUND)), "DisputeOver", [disputeId, outcomes.void]);
  });
});

describe("giving up", () => {
  it("works wherever the challenger is to move", async () => {
    const sealed = await open(world, jobId, sealOf(world.address.challenger, witnessFor(0, SOUND)));
    const bisection = await open(world, jobId);
    await expectRevert(concede(bisection), "WrongPhase", [bisection, phases.reveal]);
    await concede(sealed);
    expect((await world.account("executor")).credits).toBe(bond);
    expect(await world.job(jobId)).toMatchObject({ openDisputes: 1 });
  });
});

describe("moves of another kind", () => {
  it("do not fit a demand, and answers do not fit a bisection", async () => {
    const disputeId = await demand(0, FRAUD);
    await expectRevert(world.send("disputes", "reveal", [disputeId, 0, []], { from: "executor" }), "WrongPhase", [disputeId, phases.answer]);
    await expectRevert(world.send("disputes", "refute", [disputeId, salt, witnessFor(0, FRAUD)], { from: "challenger" }), "WrongPhase", [disputeId, phases.answer]);
    const bisection = await open(world, jobId);
    await expectRevert(answer(bisection, 0, witnessFor(0, SOUND)), "WrongPhase", [bisection, phases.reveal]);
    await expectRevert(demandNext(bisection, 0, 0, SOUND), "WrongPhase", [bisection, phases.reveal]);
  });
});
