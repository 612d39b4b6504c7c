import type { Abi, Address } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { disputesAbi } from "../../runtime/chain/abis.ts";
import { claimOf } from "../../protocol/program/claim.ts";
import { createWorld, expectRevert, jobStatus, outcomes, phases, testConfig, type Role, type World } from "./helpers/createWorld.ts";
import { childrenNow } from "./helpers/playGame.ts";
import { makeProgram, makeTrace, makeWitness, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, committedJob, digestOf, fee, inputRoot, noSeal, open, register, salt, sealOf, submit } from "./helpers/scenes.ts";

let world: World;
let program: TestProgram;
let trace: TestTrace;
let jobId: bigint;
let restore: () => Promise<void>;

const { bond, sealAge } = testConfig.rules;
const fraud = () => makeWitness(program, 1n);
const sound = () => makeWitness(program, 0n);
const burnAddress = "0x000000000000000000000000000000000000dEaD";

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

/** Refutes when the seal has its age, or at second `at`. */
const refute = async (disputeId: bigint, witness = fraud(), from: Role = "challenger", at?: bigint) => {
  const { sealedAt } = await world.dispute(disputeId);
  const ripe = sealedAt + BigInt(sealAge);
  const next = (await now()) + 1n;
  return world.send("disputes", "refute", [disputeId, salt, witness], { from, at: at ?? (ripe > next ? ripe : next) });
};
const openSealed = (from: Role = "challenger", witness = fraud()) => open(world, jobId, sealOf(world.address[from], witness), { from });
const now = async () => BigInt(await world.time.latest());
const timeout = (disputeId: bigint, at?: bigint) => world.send("disputes", "timeout", [disputeId], at === undefined ? { from: "stranger" } : { from: "stranger", at });

describe("open", () => {
  it("takes exactly the bond, in the challenge window, against a standing commitment", async () => {
    await expectRevert(open(world, jobId, noSeal, { value: bond - 1n }), "WrongBond", [bond - 1n, bond]);
    await expectRevert(open(world, jobId, noSeal, { value: bond + 1n }), "WrongBond", [bond + 1n, bond]);
    await expectRevert(open(world, jobId, noSeal, {}, 2), "NotStanding", [jobId, await digestOf(world, jobId), noSeal]);
    await expectRevert(open(world, 9n), "NotStanding", [9n, noSeal, noSeal]);
    const { deadline } = await world.job(jobId);
    await open(world, jobId, noSeal, { at: deadline });
    expect(await world.job(jobId)).toMatchObject({ openDisputes: 1 });
    await expectRevert(open(world, jobId), "DeadlinePassed", [jobId, deadline, deadline + 1n]);
  });

  it("needs a commitment that has been unfolded", async () => {
    const disputes = { address: world.deployment.contracts.disputes, abi: disputesAbi as Abi };
    const digest = await digestOf(world, jobId);
    for (const seal of [noSeal, sealOf(world.address.challenger, fraud())]) await expectRevert(world.send(disputes, "open", [jobId, digest, seal], { from: "challenger", value: bond }), "NotUnfolded", [jobId, 1]);
  });

  it("starts the bisection at the trace root, or keeps the seal", async () => {
    const bisect = await open(world, jobId);
    expect(await world.dispute(bisect)).toMatchObject({
      jobId,
      attempt: 1,
      phase: phases.reveal,
      outcome: outcomes.none,
      turn: 0,
      deadline: (await now()) + 300n,
      challenger: world.address.challenger,
      bond,
      seal: noSeal,
      sealedAt: 0n,
      position: { node: trace.root, atRoot: true, levels: 2, index: 0n, byteLength: 0n, leaves: 3n },
    });
    const seal = sealOf(world.address.challenger, fraud());
    const sealed = await open(world, jobId, seal);
    expect(await world.dispute(sealed)).toMatchObject({ phase: phases.sealed, seal, position: { node: noSeal } });
    expect(await world.read("disputes", "disputeCount")).toBe(2n);
    await expectRevert(world.dispute(3n), "UnknownDispute", [3n]);
  });
});

it("moves need a dispute", async () => {
  await expectRevert(timeout(99n), "UnknownDispute", [99n]);
  await expectRevert(world.send("disputes", "close", [99n], { from: "stranger" }), "UnknownDispute", [99n]);
});

describe("refute", () => {
  it("slashes, rewards, compensates, burns, returns the bond and reopens the job", async () => {
    const before = await world.publicClient.getBalance({ address: burnAddress });
    const disputeId = await openSealed();
    const sent = await refute(disputeId);
    expect(sent.event("Refuted")).toMatchObject({ disputeId, stepIndex: 0, element: 1n, verdict: { fraud: true, claimed: 7, lo: 1, hi: 3, nan: false } });
    expect(sent.event("Convicted")).toEqual({ jobId, executor: world.address.executor, challenger: world.address.challenger, attempt: 1, reward: 5000n, compensation: 2000n, burned: 3000n });
    expect(sent.event("Reopened")).toEqual({ jobId, attempt: 2, deadline: (await now()) + 1000n });
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.challengerWon, bondTo: world.address.challenger });
    expect(await world.account("executor")).toMatchObject({ free: 0n, locked: 0n, credits: 0n });
    expect((await world.account("challenger")).credits).toBe(5000n + bond);
    expect((await world.account("requester")).credits).toBe(2000n);
    expect((await world.publicClient.getBalance({ address: burnAddress })) - before).toBe(3000n);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 2, openDisputes: 0, fee, executor: `0x${"0".repeat(40)}`, traceRoot: noSeal, outputRoot: noSeal });
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.ended, outcome: outcomes.challengerWon, deadline: 0n });
    await expectRevert(refute(disputeId), "DisputeOver", [disputeId, outcomes.challengerWon]);
    await expectRevert(timeout(disputeId), "DisputeOver", [disputeId, outcomes.challengerWon]);
  });

  it("caps the reward and burns what is above the cap", async () => {
    const large = 4_000_000n;
    const richJob = await submit(world, program, { collateral: large });
    await world.send("stakes", "deposit", [], { from: "second", value: large });
    await world.send("jobs", "claim", [richJob], { from: "second" });
    await commit(world, richJob, program, trace, "second");
    const disputeId = await open(world, richJob, sealOf(world.address.challenger, fraud()));
    const sent = await refute(disputeId);
    expect(sent.event("Convicted")).toMatchObject({ reward: 1_000_000n, compensation: 800_000n, burned: 2_200_000n });
    expect((await world.account("challenger")).credits).toBe(1_000_000n + bond);
  });

  it("bars the convicted from the job and lets another deliver", async () => {
    await refute(await openSealed());
    await world.send("stakes", "deposit", [], { from: "executor", value: collateral });
    await expectRevert(world.send("jobs", "claim", [jobId], { from: "executor" }), "BarredFromJob", [jobId, world.address.executor]);
    expect(await world.read("jobs", "isBarred", [jobId, world.address.executor])).toBe(true);
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    await world.send("jobs", "claim", [jobId], { from: "second" });
    await commit(world, jobId, program, trace, "second");
    await expectRevert(open(world, jobId), "NotStanding", [jobId, await digestOf(world, jobId), noSeal]);
    const { deadline } = await world.job(jobId);
    await world.send("jobs", "finalize", [jobId], { from: "second", at: deadline + 1n });
    expect((await world.account("second")).credits).toBe(fee);
  });

  it("cannot come in the second of the opening", async () => {
    await world.send("jobs", "unfold", [jobId], { from: "stranger" });
    await world.connection.provider.request({ method: "evm_setAutomine", params: [false] });
    const at = (await now()) + 10n;
    const witness = fraud();
    const digest = await digestOf(world, jobId);
    const target = { address: world.deployment.contracts.disputes, abi: disputesAbi, account: world.address.challenger, gas: 1_000_000n } as const;
    const calls = [
      world.walletClient.writeContract({ ...target, functionName: "open", args: [jobId, digest, sealOf(world.address.challenger, witness)], value: bond }),
      world.walletClient.writeContract({ ...target, functionName: "refute", args: [1n, salt, witness] }),
    ];
    const hashes = await Promise.all(calls);
    await world.time.setNextBlockTimestamp(at);
    await world.connection.networkHelpers.mine(1);
    await world.connection.provider.request({ method: "evm_setAutomine", params: [true] });
    const receipts = await Promise.all(hashes.map((hash) => world.publicClient.getTransactionReceipt({ hash })));
    expect(receipts.map((receipt) => [receipt.status, receipt.blockNumber === receipts[0]?.blockNumber])).toEqual([["success", true], ["reverted", true]]);
    await refute(1n, witness, "challenger", at + BigInt(sealAge));
  });

  it("accepts no other sender, salt or witness than the seal's", async () => {
    const disputeId = await openSealed();
    await expectRevert(refute(disputeId, fraud(), "rival"), "NotChallenger", [disputeId, world.address.rival, world.address.challenger]);
    await expectRevert(refute(disputeId, { ...fraud(), stepIndex: 1 }), "WrongSeal");
    await expectRevert(world.send("disputes", "refute", [disputeId, noSeal, fraud()], { from: "challenger" }), "WrongSeal");
    const opening = fraud();
    opening.result.ranges[0]!.data = "0x0103";
    await expectRevert(refute(disputeId, opening), "WrongSeal");
    await refute(disputeId);
  });

  it("costs a mistaken challenger the gas first and the bond only by the clock", async () => {
    const disputeId = await openSealed("challenger", sound());
    await expectRevert(refute(disputeId, sound()), "WitnessSound", [{ fraud: false, claimed: 7, lo: 1, hi: 3, nan: false }]);
    expect(await world.dispute(disputeId)).toMatchObject({ phase: phases.sealed, turn: 0 });
    const { deadline } = await world.dispute(disputeId);
    await expectRevert(timeout(disputeId, deadline), "ClockStillRuns", [disputeId, deadline, deadline]);
    const sent = await timeout(disputeId, deadline + 1n);
    expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.defenderWon, bondTo: world.address.executor });
    expect((await world.account("executor")).credits).toBe(bond);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.committed, openDisputes: 0 });
    await world.send("jobs", "finalize", [jobId], { from: "stranger" });
  });

  it("hands the judge's own error on for a malformed witness", async () => {
    const malformed = makeWitness(program, 2n);
    await expectRevert(refute(await openSealed("challenger", malformed), malformed), "MalformedElement", [2n]);
  });

  it("comes too late after the last second of the clock", async () => {
    const disputeId = await openSealed();
    const { deadline } = await world.dispute(disputeId);
    await expectRevert(refute(disputeId, fraud(), "challenger", deadline + 1n), "ClockRanOut", [disputeId, deadline, deadline + 1n]);
  });

  it("still counts in that second", async () => {
    const disputeId = await openSealed();
    await refute(disputeId, fraud(), "challenger", (await world.dispute(disputeId)).deadline);
  });

  it("comes when the seal has its age, and not a second before", async () => {
    const disputeId = await openSealed();
    const { sealedAt } = await world.dispute(disputeId);
    const ripe = sealedAt + BigInt(sealAge);
    expect(sealedAt).toBe(await now());
    await expectRevert(refute(disputeId, fraud(), "challenger", ripe - 1n), "TooSoon", [disputeId, ripe]);
    await refute(disputeId, fraud(), "challenger", ripe);
  });

  it("is refused in the middle of a bisection, where a copy would win", async () => {
    const disputeId = await open(world, jobId);
    await expectRevert(refute(disputeId), "WrongPhase", [disputeId, phases.reveal]);
  });
});

describe("copied refutations", () => {
  it("earn nothing: the copier's seal is too young, even if the original waits in the pool for almost the age of a seal", async () => {
    const honest = await openSealed("challenger");
    const ripe = (await now()) + BigInt(sealAge);
    // The rival sees the witness in the pool at once and opens with a seal of its own.
    const copy = await open(world, jobId, sealOf(world.address.rival, fraud()), { from: "rival", at: ripe + 1n });
    await expectRevert(refute(copy, fraud(), "rival", ripe + BigInt(sealAge)), "TooSoon", [copy, ripe + 1n + BigInt(sealAge)]);
    await expectRevert(refute(honest, fraud(), "rival"), "NotChallenger");
    await refute(honest);
    await expectRevert(refute(copy, fraud(), "rival"), "CommitmentGone", [copy]);
    await expectRevert(timeout(copy), "CommitmentGone", [copy]);
    await world.send("disputes", "close", [copy], { from: "stranger" });
    expect((await world.account("rival")).credits).toBe(bond);
    expect((await world.account("challenger")).credits).toBe(5000n + bond);
  });

  it("cannot use the original's seal under another name", async () => {
    const seal = sealOf(world.address.challenger, fraud());
    const copy = await open(world, jobId, seal, { from: "rival" });
    await expectRevert(refute(copy, fraud(), "rival"), "WrongSeal");
  });
});

describe("disputes side by side", () => {
  it("do not hinder each other: losers pay, the winner convicts, the rest is void", async () => {
    const idle = await open(world, jobId, noSeal, { from: "rival" });
    const mistaken = await openSealed("stranger", sound());
    const right = await openSealed("challenger");
    expect(await world.job(jobId)).toMatchObject({ openDisputes: 3 });
    await expectRevert(world.send("disputes", "close", [idle], { from: "rival" }), "CommitmentStands", [idle]);
    await refute(right);
    for (const [disputeId, role] of [[idle, "rival"], [mistaken, "stranger"]] as const) {
      const sent = await world.send("disputes", "close", [disputeId], { from: "second" });
      expect(sent.event("Ended")).toEqual({ disputeId, jobId, outcome: outcomes.void, bondTo: world.address[role] });
      expect((await world.account(role)).credits).toBe(bond);
      await expectRevert(world.send("disputes", "close", [disputeId], { from: "second" }), "DisputeOver", [disputeId, outcomes.void]);
    }
  });

  it("of an earlier attempt do not touch the next one", async () => {
    const left = await open(world, jobId, noSeal, { from: "rival" });
    await refute(await openSealed());
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    await world.send("jobs", "claim", [jobId], { from: "second" });
    await commit(world, jobId, program, trace, "second");
    // What is left counts against the attempt that it was opened against, also while nobody has unfolded this one.
    expect(await world.job(jobId)).toMatchObject({ attempt: 2, openDisputes: 0 });
    const fresh = await open(world, jobId, noSeal, { from: "stranger" }, 2);
    expect(await world.job(jobId)).toMatchObject({ attempt: 2, openDisputes: 1 });
    await world.send("disputes", "close", [left], { from: "rival" });
    expect(await world.job(jobId)).toMatchObject({ attempt: 2, openDisputes: 1 });
    await expectRevert(world.send("disputes", "close", [fresh], { from: "rival" }), "CommitmentStands", [fresh]);
  });

  it("convict once: the second winner is too late", async () => {
    const first = await openSealed("challenger");
    const second = await openSealed("rival");
    await refute(second, fraud(), "rival");
    await expectRevert(refute(first), "CommitmentGone", [first]);
  });
});

it("measures what the moves around the game cost", async () => {
  const gas: Record<string, bigint> = {};
  const measure = async (name: string, functionName: string, args: readonly unknown[], from: Role = "challenger", value = 0n) => {
    gas[name] = (await world.send("disputes", functionName, args, { from, value })).gas;
  };
  const seal = sealOf(world.address.challenger, fraud());
  await openSealed("stranger");
  await measure("open with a seal", "open", [jobId, 1, seal], "challenger", bond);
  await measure("open a bisection", "open", [jobId, 1, noSeal], "rival", bond);
  await measure("open another", "open", [jobId, 1, noSeal], "stranger", bond);
  await world.send("disputes", "reveal", [3n, 0, await childrenNow({ world, program, trace, disputeId: 3n })], { from: "second" });
  await world.time.increase(250);
  await measure("refute with a small witness", "refute", [2n, salt, fraud()]);
  await measure("close", "close", [4n], "second");
  console.info("gas", gas);
  expect(gas["close"]).toBeLessThan(100_000n);
});

it("ends a job with a refund after its last attempt", async () => {
  for (let attempt = 1; attempt <= 64; attempt++) {
    if (attempt > 1) await deliverAs(`0x${attempt.toString(16).padStart(40, "a")}`);
    await refute(await open(world, jobId, sealOf(world.address.challenger, fraud()), {}, attempt));
  }
  expect(await world.job(jobId)).toMatchObject({ status: jobStatus.cancelled, attempt: 64 });
  expect((await world.account("requester")).credits).toBe(64n * 2000n + fee);
  expect((await world.account("challenger")).credits).toBe(64n * (5000n + bond));
});

/** A commitment by an account that nobody has heard of. */
async function deliverAs(account: Address): Promise<void> {
  const { second } = world.address;
  world.address.second = account;
  await world.connection.networkHelpers.impersonateAccount(account);
  await world.connection.networkHelpers.setBalance(account, 10n ** 18n);
  await world.send("stakes", "deposit", [], { from: "second", value: collateral });
  await world.send("jobs", "claim", [jobId], { from: "second" });
  await commit(world, jobId, program, trace, "second");
  world.address.second = second;
}
