import { toHex } from "viem";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { claimOf } from "../../protocol/program/claim.ts";
import { createWorld, expectRevert, jobStatus, testConfig, type World } from "./helpers/createWorld.ts";
import { makeProgram, makeTrace, type TestProgram, type TestTrace } from "./helpers/program.ts";
import { collateral, commit, commitArgs, committedJob, digestOf, fee, inputRoot, open, register, submission, submit } from "./helpers/scenes.ts";

let world: World;
let program: TestProgram;
let trace: TestTrace;
let restore: () => Promise<void>;

beforeAll(async () => {
  world = await createWorld();
  program = makeProgram([10, 20, 30, 40, 50], [4, 1]);
  trace = makeTrace(program);
  await register(world, program);
});
beforeEach(async () => {
  const snapshot = await world.snapshot();
  restore = () => snapshot.restore();
});
afterEach(async () => {
  await world.expectSolvent();
  await restore();
});

const now = async () => BigInt(await world.time.latest());
const deposit = (value = collateral) => world.send("stakes", "deposit", [], { from: "executor", value });
const claim = (jobId: bigint, at?: bigint) => world.send("jobs", "claim", [jobId], at === undefined ? { from: "executor" } : { from: "executor", at });

describe("submit", () => {
  it("keeps everything about the job and holds the fee", async () => {
    const expiry = (await now()) + 5000n;
    const jobId = await submit(world, program, { expiry });
    expect(jobId).toBe(1n);
    expect(await world.job(jobId)).toEqual({
      status: jobStatus.open,
      attempt: 1,
      missed: 0,
      openDisputes: 0,
      deadline: (await now()) + 1000n,
      requester: world.address.requester,
      executor: `0x${"0".repeat(40)}`,
      programRoot: program.root,
      inputRoot,
      traceRoot: `0x${"00".repeat(32)}`,
      outputRoot: `0x${"00".repeat(32)}`,
      fee,
      collateral,
      claimWindow: 1000,
      deliveryWindow: 500,
      challengeWindow: 200,
      expiry,
    });
    expect(await submit(world, program, {}, 0n)).toBe(2n);
    expect(await world.read("jobs", "jobCount")).toBe(2n);
  });

  it("lets the expiry cut the claim window short", async () => {
    const expiry = (await now()) + 100n;
    expect((await world.job(await submit(world, program, { expiry }))).deadline).toBe(expiry);
  });

  it("publishes an input that travels with it, up to its limit", async () => {
    const input = toHex(new Uint8Array(3000).fill(9));
    const sent = await world.send("jobs", "submit", [submission(program, { input })], { from: "requester", value: fee });
    expect(sent.event("InputPublished")).toEqual({ jobId: 1n, input });
    const none = await world.send("jobs", "submit", [submission(program)], { from: "requester" });
    expect(none.event("InputPublished")).toBeUndefined();
    await world.send("jobs", "submit", [submission(program, { input: toHex(new Uint8Array(65_536)) })], { from: "requester" });
    await expectRevert(world.send("jobs", "submit", [submission(program, { input: toHex(new Uint8Array(65_537)) })], { from: "requester" }), "InputTooLarge", [65_537n, 65_536n]);
  });

  it.each([
    ["claimWindow", 9],
    ["claimWindow", 10_001],
    ["deliveryWindow", 9],
    ["deliveryWindow", 10_001],
    ["challengeWindow", 9],
    ["challengeWindow", 10_001],
  ])("refuses a %s of %d seconds", async (name, seconds) => {
    await expectRevert(submit(world, program, { [name]: seconds }), "WindowOutOfBounds", [toHex(name, { size: 32 }).replace(/^0x0+/, "0x").padEnd(66, "0"), BigInt(seconds), 10n, 10_000n]);
  });

  it.each([10, 10_000])("takes windows of %d seconds, the bounds themselves", async (seconds) => {
    const jobId = await submit(world, program, { claimWindow: seconds, deliveryWindow: seconds, challengeWindow: seconds });
    expect(await world.job(jobId)).toMatchObject({ claimWindow: seconds, deliveryWindow: seconds, challengeWindow: seconds });
  });

  it("takes an expiry of this very second", async () => {
    const at = (await now()) + 10n;
    const sent = await world.send("jobs", "submit", [submission(program, { expiry: at })], { from: "requester", value: fee, at });
    expect(sent.event("Submitted")?.deadline).toBe(at);
  });

  it("refuses too little collateral, unknown programs and impossible expiries", async () => {
    await expectRevert(submit(world, program, { collateral: 999n }, 0n), "CollateralTooSmall", [999n, 1000n]);
    await expectRevert(submit(world, program, { collateral: 999n }), "CollateralTooSmall", [999n, fee]);
    const unknown = `0x${"ee".repeat(32)}`;
    await expectRevert(submit(world, program, { programRoot: unknown }), "UnknownProgram", [unknown]);
    await expectRevert(submit(world, program, { expiry: (await now()) - 5n }), "BadExpiry");
    const latest = (await now()) + 100_001n;
    await expectRevert(world.send("jobs", "submit", [submission(program, { expiry: latest + 1n })], { from: "requester", at: latest - 100_000n }), "BadExpiry", [latest + 1n, latest - 100_000n, latest]);
  });

  it("gives a job without an expiry the latest one, so that every job ends", async () => {
    expect((await world.job(await submit(world, program))).expiry).toBe((await now()) + 100_000n);
    expect((await world.job(await submit(world, program, { expiry: (await now()) + 100_001n }))).expiry).toBe((await now()) + 100_000n);
  });

  it("asks for collateral in proportion to the fee, and for the fee itself", async () => {
    await expectRevert(submit(world, program, { collateral: fee - 1n }), "CollateralTooSmall", [fee - 1n, fee]);
    await submit(world, program, { collateral: fee });
    await expectRevert(submit(world, program, { fee: fee + 1n }), "WrongValue", [fee, fee + 1n]);
    await expectRevert(submit(world, program, { fee: fee - 1n }), "WrongValue", [fee, fee - 1n]);
  });

  it("keeps the hash of the terms, and refuses every call that brings other ones", async () => {
    const jobId = await submit(world, program);
    const { terms } = world.records.find(await digestOf(world, jobId));
    await deposit();
    for (const change of [{ collateral: terms.collateral - 1n }, { fee: terms.fee + 1n }, { requester: world.address.stranger }, { deliveryWindow: 501 }, { programRoot: inputRoot }, { inputRoot: program.root }, { expiry: terms.expiry + 1n }, { callbackGas: 1 }, { consumer: world.address.rival }, { claimWindow: 1 }, { challengeWindow: 1 }]) {
      const other = { ...terms, ...change };
      await expectRevert(world.send("jobs", "claim", [jobId, other], { from: "executor" }), "WrongRecord");
      await expectRevert(world.send("jobs", "cancel", [jobId, other], { from: "requester" }), "WrongRecord");
    }
    await claim(jobId);
    const other = { ...terms, challengeWindow: 1 };
    const [, ...rest] = commitArgs(jobId, program, trace);
    await expectRevert(world.send("jobs", "commit", [jobId, other, ...rest], { from: "executor" }), "WrongRecord");
    await expectRevert(world.send("jobs", "expire", [jobId, { ...terms, requester: world.address.stranger }], { from: "stranger", at: (await now()) + 1000n }), "WrongRecord");
  });

  it("keeps the hash of terms and commitment together, and neither pays nor unfolds by other ones", async () => {
    const jobId = await committedJob(world, program, trace);
    const { terms, commitment } = world.records.find(await digestOf(world, jobId));
    const others = [
      [{ ...terms, fee: 0n }, commitment],
      [{ ...terms, collateral: terms.collateral + 1n }, commitment],
      [{ ...terms, requester: world.address.stranger }, commitment],
      [terms, { ...commitment, traceRoot: inputRoot }],
      [terms, { ...commitment, outputRoot: inputRoot }],
    ] as const;
    for (const other of others) await expectRevert(world.send("jobs", "unfold", [jobId, ...other], { from: "stranger" }), "WrongRecord");
    await world.time.increaseTo((await world.job(jobId)).deadline + 1n);
    for (const other of others) await expectRevert(world.send("jobs", "finalize", [jobId, ...other], { from: "stranger" }), "WrongRecord");
    await world.send("jobs", "finalize", [jobId, terms, commitment], { from: "stranger" });
  });
});

describe("claim and cancel", () => {
  it("locks the collateral and starts the delivery", async () => {
    const jobId = await submit(world, program);
    await deposit(collateral + 5n);
    const sent = await claim(jobId);
    const deadline = (await now()) + 500n;
    expect(sent.event("Claimed")).toEqual({ jobId, executor: world.address.executor, attempt: 1, deadline });
    expect(await world.account("executor")).toMatchObject({ free: 5n, locked: collateral });
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.claimed, executor: world.address.executor, deadline });
    await expectRevert(claim(jobId), "WrongStatus", [jobId, jobStatus.claimed, jobStatus.open]);
  });

  it("needs stake, an open job and the claim window", async () => {
    const jobId = await submit(world, program);
    await expectRevert(claim(jobId), "InsufficientStake", [world.address.executor, 0n, collateral]);
    await deposit();
    await expectRevert(claim(99n), "UnknownJob", [99n]);
    await expectRevert(world.read("jobs", "getJob", [99n]), "UnknownJob", [99n]);
    const { deadline } = await world.job(jobId);
    await expectRevert(claim(jobId, deadline + 1n), "DeadlinePassed", [jobId, deadline, deadline + 1n]);
  });

  it("can be claimed in the last second", async () => {
    const jobId = await submit(world, program);
    await deposit();
    await claim(jobId, (await world.job(jobId)).deadline);
  });

  it("refunds the requester, who may cancel while it is open; others only when nobody can claim it", async () => {
    const jobId = await submit(world, program);
    const { deadline } = await world.job(jobId);
    await expectRevert(world.send("jobs", "cancel", [jobId], { from: "stranger", at: deadline }), "Unauthorized", [world.address.stranger, world.address.requester]);
    const sent = await world.send("jobs", "cancel", [jobId], { from: "stranger", at: deadline + 1n });
    expect(sent.event("Cancelled")).toEqual({ jobId, requester: world.address.requester, refund: fee });
    expect((await world.account("requester")).credits).toBe(fee);
    await expectRevert(world.send("jobs", "cancel", [jobId], { from: "requester" }), "WrongStatus", [jobId, jobStatus.cancelled, jobStatus.open]);

    const second = await submit(world, program);
    await world.send("jobs", "cancel", [second], { from: "requester" });
    expect((await world.account("requester")).credits).toBe(2n * fee);
    const third = await submit(world, program);
    await deposit();
    await claim(third);
    await expectRevert(world.send("jobs", "cancel", [third], { from: "requester" }), "WrongStatus");
  });
});

describe("commit", () => {
  let jobId: bigint;
  beforeEach(async () => {
    jobId = await submit(world, program);
    await deposit();
    await claim(jobId);
  });

  it("keeps trace and output roots and starts the challenge window", async () => {
    const sent = await commit(world, jobId, program, trace);
    const deadline = (await now()) + 200n;
    expect(sent.event("Committed")).toEqual({ jobId, executor: world.address.executor, attempt: 1, traceRoot: trace.root, outputRoot: trace.outputRoot, outputRoots: trace.outputRoots, deadline, terms: world.records.find(await digestOf(world, jobId)).terms });
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.committed, traceRoot: trace.root, outputRoot: trace.outputRoot, deadline });
    // Where its event is looked for.
    expect((await world.read<{ recordBlock: number }>("jobs", "getJob", [jobId])).recordBlock).toBe(await world.time.latestBlock());
    await expectRevert(world.read("jobs", "claimOf", [jobId, 1]), "NotUnfolded", [jobId, 1]);
    expect((await world.send("jobs", "unfold", [jobId], { from: "stranger" })).event("CommitmentUnfolded")).toEqual({ jobId, attempt: 1 });
    expect((await world.send("jobs", "unfold", [jobId], { from: "stranger" })).events).toEqual([]);
    expect(await world.read("jobs", "claimOf", [jobId, 1])).toEqual([claimOf({ programRoot: program.root, inputRoot, traceRoot: trace.root }), 1n]);
    await expectRevert(world.read("jobs", "claimOf", [jobId, 2]), "NoSuchCommitment");
  });

  it("is the executor's alone, until the deadline", async () => {
    await expectRevert(commit(world, jobId, program, trace, "stranger"), "Unauthorized", [world.address.stranger, world.address.executor]);
    const { deadline } = await world.job(jobId);
    await expectRevert(world.send("jobs", "commit", commitArgs(jobId, program, trace), { from: "executor", at: deadline + 1n }), "DeadlinePassed", [jobId, deadline, deadline + 1n]);
    await expectRevert(commit(world, 7n, program, trace), "UnknownJob");
  });

  it("accepts the last second", async () => {
    const { deadline } = await world.job(jobId);
    await world.send("jobs", "commit", commitArgs(jobId, program, trace), { from: "executor", at: deadline });
  });

  it("refuses the header of another program, registered or not", async () => {
    const other = makeProgram([10, 20, 30, 40, 51], [4, 1]);
    await expectRevert(commit(world, jobId, other, makeTrace(other)), "WrongProgram", [jobId, program.root, other.root]);
    await register(world, other);
    await expectRevert(commit(world, jobId, other, makeTrace(other)), "WrongProgram", [jobId, program.root, other.root]);
  });

  it("refuses outputs that are not in the trace, at each bit of root, output and proof", async () => {
    const send = (traceRoot: string, roots: readonly string[], proofs: readonly (readonly string[])[]) => world.send("jobs", "commit", [jobId, program.header, traceRoot, roots, proofs], { from: "executor" });
    const [first, second] = trace.outputProofs as [string[], string[]];
    const flip = (hash: string, byte: number) => hash.slice(0, 2 + byte * 2) + (Number.parseInt(hash.slice(2 + byte * 2, 4 + byte * 2), 16) ^ 1).toString(16).padStart(2, "0") + hash.slice(4 + byte * 2);
    for (const byte of [0, 15, 31]) {
      await expectRevert(send(flip(trace.root, byte), trace.outputRoots, trace.outputProofs), "OutputNotInTrace", [0n]);
      await expectRevert(send(trace.root, [flip(trace.outputRoots[0] as string, byte), trace.outputRoots[1] as string], trace.outputProofs), "OutputNotInTrace", [0n]);
      await expectRevert(send(trace.root, [trace.outputRoots[0] as string, flip(trace.outputRoots[1] as string, byte)], trace.outputProofs), "OutputNotInTrace", [1n]);
      await expectRevert(send(trace.root, trace.outputRoots, [first, second.map((hash, i) => (i === 2 ? flip(hash, byte) : hash))]), "OutputNotInTrace", [1n]);
    }
    await expectRevert(send(trace.root, [...trace.outputRoots].reverse(), [second, first]), "OutputNotInTrace", [0n]);
    await expectRevert(send(trace.root, trace.outputRoots.slice(1), trace.outputProofs), "WrongOutputCount", [2n, 1n]);
    await expectRevert(send(trace.root, trace.outputRoots, trace.outputProofs.slice(1)), "WrongOutputCount", [2n, 1n]);
    await expectRevert(send(trace.root, trace.outputRoots, [first.slice(1), second]), "ProofLength", [3n, 2n]);
    await expectRevert(send(trace.root, trace.outputRoots, [[...first, first[0] as string], second]), "ProofLength", [3n, 4n]);
  });
});

describe("finalize", () => {
  it("pays the fee and frees the collateral after the window, once", async () => {
    const jobId = await committedJob(world, program, trace);
    const { deadline } = await world.job(jobId);
    await expectRevert(world.send("jobs", "finalize", [jobId], { from: "stranger", at: deadline }), "DeadlineNotPassed", [jobId, deadline, deadline]);
    const sent = await world.send("jobs", "finalize", [jobId], { from: "stranger", at: deadline + 1n });
    expect(sent.event("Finalized")).toEqual({ jobId, executor: world.address.executor, attempt: 1, fee });
    expect(await world.account("executor")).toMatchObject({ free: collateral, locked: 0n, credits: fee });
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.final, outputRoot: trace.outputRoot });
    await expectRevert(world.send("jobs", "finalize", [jobId], { from: "stranger" }), "WrongStatus");
  });

  it("waits for open disputes", async () => {
    const jobId = await committedJob(world, program, trace);
    await open(world, jobId);
    await world.time.increase(250);
    await expectRevert(world.send("jobs", "finalize", [jobId], { from: "stranger" }), "DisputesOpen", [jobId, 1n]);
  });
});

describe("expire", () => {
  it("takes a little from the executor, gives it to the requester, and reopens", async () => {
    const jobId = await submit(world, program);
    await deposit();
    await claim(jobId);
    const { deadline } = await world.job(jobId);
    await expectRevert(world.send("jobs", "expire", [jobId], { from: "stranger", at: deadline }), "DeadlineNotPassed", [jobId, deadline, deadline]);
    const sent = await world.send("jobs", "expire", [jobId], { from: "stranger", at: deadline + 1n });
    expect(sent.event("Expired")).toMatchObject({ jobId, executor: world.address.executor, penalty: 500n });
    expect(sent.event("Reopened")).toEqual({ jobId, attempt: 1, deadline: deadline + 1001n });
    expect(await world.account("executor")).toMatchObject({ free: collateral - 500n, locked: 0n });
    expect((await world.account("requester")).credits).toBe(500n);
    expect(await world.job(jobId)).toMatchObject({ status: jobStatus.open, attempt: 1, executor: `0x${"0".repeat(40)}`, fee });
    await deposit(500n);
    await expectRevert(claim(jobId), "BarredFromJob", [jobId, world.address.executor]);
    await world.send("stakes", "deposit", [], { from: "second", value: collateral });
    await world.send("jobs", "claim", [jobId], { from: "second" });
    await commit(world, jobId, program, trace, "second");
    await expectRevert(world.send("jobs", "expire", [jobId], { from: "stranger" }), "WrongStatus");
  });

  it("cannot be claimed after its expiry, only refunded", async () => {
    const jobId = await submit(world, program, { expiry: (await now()) + 50n });
    await deposit();
    await claim(jobId);
    await world.time.increase(600);
    await world.send("jobs", "expire", [jobId], { from: "stranger" });
    await expectRevert(claim(jobId), "DeadlinePassed");
    await world.send("jobs", "cancel", [jobId], { from: "stranger" });
    expect((await world.account("requester")).credits).toBe(fee + 500n);
  });
});

describe("what only Disputes may do", () => {
  it("is refused to everybody else", async () => {
    const jobId = await committedJob(world, program, trace);
    const refused = [world.address.stranger, world.deployment.contracts.disputes];
    await expectRevert(world.send("jobs", "enterDispute", [jobId, await digestOf(world, jobId)], { from: "stranger" }), "Unauthorized", refused);
    await expectRevert(world.send("jobs", "leaveDispute", [jobId, 1], { from: "stranger" }), "Unauthorized", refused);
    await expectRevert(world.send("jobs", "convict", [jobId, 1, world.address.stranger], { from: "stranger" }), "Unauthorized", refused);
  });
});

it("tells its bounds", async () => {
  expect(await world.read("jobs", "limits")).toEqual(testConfig.limits);
});

it("measures the honest path", async () => {
  const gas: Record<string, bigint> = {};
  // Not the first job of anybody: accounts, models and counters have been written before, as in a network that runs.
  await world.send("jobs", "finalize", [await committedJob(world, program, trace)], { from: "stranger", at: (await now()) + 5000n });
  gas.deposit = (await deposit(collateral)).gas;
  const submitted = await world.send("jobs", "submit", [submission(program)], { from: "requester", value: fee });
  gas.submit = submitted.gas;
  const jobId = submitted.event("Submitted")?.jobId as bigint;
  gas.claim = (await claim(jobId)).gas;
  gas.commit = (await commit(world, jobId, program, trace)).gas;
  gas.finalize = (await world.send("jobs", "finalize", [jobId], { from: "stranger", at: (await now()) + 300n })).gas;
  const total = (gas.submit ?? 0n) + (gas.claim ?? 0n) + (gas.commit ?? 0n) + (gas.finalize ?? 0n);
  console.info("gas", { ...gas, total });
  // With two outputs, each proved in a trace of five tensors; gas.test.ts holds the ceiling of a program with one.
  expect(total).toBeLessThanOrEqual(255_000n);
});
