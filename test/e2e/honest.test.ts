import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gasPaid, isConserved, readBalances, type Balances } from "../../cli/commands/demo/balances.ts";
import { refutationFromTrace } from "../../protocol/dispute/refutation.ts";
import { operandReader, type ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { floatOf } from "../../protocol/judge/float32.ts";
import { judgeElement } from "../../protocol/judge/judgeElement.ts";
import { toHex } from "../../protocol/hex.ts";
import { claimOf } from "../../protocol/program/claim.ts";
import { sealOf } from "../../protocol/program/sealOf.ts";
import { collectCredits } from "../../runtime/chain/calls/collectCredits.ts";
import { finalizeJob } from "../../runtime/chain/calls/finalizeJob.ts";
import { openDispute } from "../../runtime/chain/calls/openDispute.ts";
import { refute } from "../../runtime/chain/calls/refute.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { judgeCall } from "../../runtime/chain/reads/judgeCall.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import { endDispute } from "../../runtime/disputes/endDispute.ts";
import { commitTrace } from "../../runtime/inference/commitTrace.ts";
import { optimizations } from "../../runtime/inference/types.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { checkTrace } from "../../runtime/verification/checkTrace.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { seeded } from "./support/lies.ts";
import { digits, openModel, realMnist, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, collateral, commitTo, createWatcherParts, fee, openBisection, playOut, type Committed, type WatcherParts } from "./support/players.ts";

describe("a challenge against an honest result", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let honest: Trace;
  let loaded: LoadedProgram;
  let watcher: WatcherParts;
  let job: Committed;
  let bond: bigint;
  let before: Balances;
  let rewind: () => Promise<void>;

  beforeAll(async () => {
    arena = await createArena();
    before = await readBalances(arena.chain, arena.addresses);
    opened = await openModel(digits);
    loaded = await opened.load();
    honest = await loaded.execute(opened.inputs);
    watcher = await createWatcherParts(arena, opened, opened.programs());
    job = await commitTo(arena, await claimedJob(arena, opened), opened, honest);
    ({ bond } = (await getParameters(arena.chain)).rules);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    await watcher.close();
    await opened.close();
    await arena.close();
  });

  /** The challenger's clock has run out: bond and fee belong to the executor, the job is final, and no wei is lost. */
  const expectBondLost = async (disputeId: bigint): Promise<void> => {
    const running = await getDispute(arena.chain, disputeId);
    await arena.pass(running.deadline - (await arena.chain.head()).timestamp);
    await endDispute(arena.sender("stranger"), running);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "none" });
    await arena.pass(1);
    await endDispute(arena.sender("stranger"), running);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "defenderWon" });
    expect((await getStakeAccount(arena.chain, arena.addresses.executor)).credits).toBe(bond);
    await arena.pass(Math.max(0, job.deadline - (await arena.chain.head()).timestamp) + 1);
    await finalizeJob(arena.sender("stranger"), job.id);
    expect(await getJob(arena.chain, job.id)).toMatchObject({ status: "final", attempt: job.attempt });
    const account = await getStakeAccount(arena.chain, arena.addresses.executor);
    expect(account).toMatchObject({ free: 3n * collateral, locked: 0n, credits: bond + fee });
    expect(await getStakeAccount(arena.chain, arena.addresses.watcher)).toMatchObject({ free: 0n, locked: 0n, credits: 0n });
    await collectCredits(arena.sender("executor"));
    const after = await readBalances(arena.chain, arena.addresses);
    const gas = await gasPaid(arena.chain, arena.addresses, before.block, after.block);
    expect(isConserved(before, after, gas)).toBe(true);
    expect(after.holders["watcher"]).toBe((before.holders["watcher"] as bigint) - bond - (await gasPaid(arena.chain, { watcher: arena.addresses.watcher }, before.block, after.block)));
    expect(after.holders["burnt"]).toBe(before.holders["burnt"]);
  };

  it.each([0, 1, 2, 3, 4, 5])("by a sealed witness of a sound element of step %i", async (step) => {
    await rewind();
    const tensors: ExecutionTensors = { inputs: honest.inputs, trace: honest.tensors, weight: await loaded.weights() };
    const witness = refutationFromTrace(loaded.program, tensors, step, 3);
    const salt = toHex(new Uint8Array(32).fill(7));
    const by = arena.sender("watcher");
    const { disputeId } = await openDispute(by, { jobId: job.id, digest: job.digest, seal: sealOf(by.address, salt, witness), bond });
    await arena.pass(1);
    await expect(refute(by, disputeId, salt, witness)).rejects.toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "WitnessSound" } });
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "sealed" });
    await expectBondLost(disputeId);
  });

  it.each([0, 1, 2, 3, 4, 5])("by a bisection down to a chunk of step %i, where the challenger's own number differs within the bound", async (stepIndex) => {
    await rewind();
    const step = loaded.program.steps[stepIndex] as (typeof loaded.program.steps)[number];
    const bytes = honest.tensors.map((tensor) => new Uint8Array(tensor.bytes));
    const other = new DataView((bytes[step.result.index] as Uint8Array).buffer);
    const read = operandReader(step, { inputs: honest.inputs, trace: honest.tensors, weight: await loaded.weights() });
    const element = other.byteLength / 4 - 1;
    // A pool has one sound value; a challenger that calls another one its own is wrong, and nothing worse.
    const { hi } = judgeElement(step, read, element, other.getUint32(element * 4, true));
    const own = other.getUint32(element * 4, true) === hi ? floatOf(hi) + 1 : floatOf(hi);
    other.setFloat32(element * 4, own, true);
    const mine = await commitTrace(loaded.program, opened.inputs, bytes, opened.hasher);
    await watcher.dependencies.traces.put(`own/${job.id}`, mine);
    const disputeId = await openBisection(arena, job);
    const { dispute } = await playOut(arena, job, disputeId, honest, watcher);
    expect(dispute).toMatchObject({ phase: "refute", position: { stepIndex } });
    expect((await readDisputeMoves(arena.chain, disputeId)).at(-1)).toMatchObject({ kind: "chunk", tensor: step.result.index });
    await expectBondLost(disputeId);
  });

  it("by a bisection whose challenger finds nothing to choose", async () => {
    await rewind();
    await watcher.dependencies.traces.put(`own/${job.id}`, honest);
    const disputeId = await openBisection(arena, job);
    await expect(playOut(arena, job, disputeId, honest, watcher)).rejects.toMatchObject({ code: "NOTHING_TO_DISPUTE" });
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "choose" });
    await expectBondLost(disputeId);
  });
});

describe.each([digits, realMnist])("executors of the $name model with other threads and optimisation levels", (model) => {
  const variants = optimizations.flatMap((optimization) => [1, 2].map((threads) => ({ optimization, threads })));
  let arena: Arena;
  let opened: OpenedModel;
  let watcher: LoadedProgram;
  const judged = new Set<string>();

  beforeAll(async () => {
    if (!model.present) return;
    [arena, opened] = await Promise.all([createArena(), openModel(model)]);
    watcher = await opened.load({ threads: 2, optimization: "all" });
  });
  afterAll(async () => {
    await opened?.close();
    await arena?.close();
  });

  it.skipIf(!model.present)("are the four levels of the runtime", () => {
    expect([...optimizations].sort()).toEqual(["all", "basic", "disabled", "extended"]);
  });

  it.skipIf(!model.present).each(variants)("$optimization with $threads: every element is sound, and the watcher finds nothing", async (variant) => {
    const loaded = await opened.load(variant);
    const { program } = loaded;
    const trace = await loaded.execute(opened.inputs);
    expect((await checkTrace(watcher, trace.inputs, trace.tensors)).finding).toBeUndefined();
    // The same floats need not be judged twice.
    if (judged.has(trace.traceRoot)) return;
    judged.add(trace.traceRoot);
    const tensors: ExecutionTensors = { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() };
    const random = seeded(judged.size);
    const claim = claimOf({ programRoot: program.root, inputRoot: trace.inputRoot, traceRoot: trace.traceRoot });
    for (const [stepIndex, step] of program.steps.entries()) {
      const { bytes } = trace.tensors[step.result.index] as Trace["tensors"][number];
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const read = operandReader(step, tensors);
      const frauds: number[] = [];
      for (let element = 0; element < bytes.length / 4; element++) {
        if (judgeElement(step, read, element, view.getUint32(element * 4, true)).fraud) frauds.push(element);
      }
      expect(frauds).toEqual([]);
      for (let sample = 0; sample < 3; sample++) {
        const element = Math.floor((random() * bytes.length) / 4);
        expect(await judgeCall(arena.chain, claim, refutationFromTrace(program, tensors, stepIndex, element))).toMatchObject({ fraud: false, claimed: view.getUint32(element * 4, true) });
      }
    }
  });
});
