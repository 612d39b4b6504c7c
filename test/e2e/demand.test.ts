import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finalizeJob } from "../../runtime/chain/calls/finalizeJob.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { getJob, isBarred } from "../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { readDisputeMoves, type DisputeMove } from "../../runtime/chain/reads/readDisputeMoves.ts";
import { answerDispute } from "../../runtime/disputes/answerDispute.ts";
import { endDispute } from "../../runtime/disputes/endDispute.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { openDemand } from "../../watcher/demandTrace.ts";
import { playDispute } from "../../watcher/playDispute.ts";
import { verifyCommitment } from "../../watcher/verifyCommitment.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { visibleLie } from "./support/lies.ts";
import { digits, openModel, realMnist, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, collateral, commitTo, createWatcherParts, demandBudget, fee, playOut, type Committed, type WatcherParts } from "./support/players.ts";

const signal = new AbortController().signal;

describe.each([digits, realMnist].map((model) => ({ ...model, steps: model.name === "digits" ? 6 : 5 })))("a withheld trace of the $name model, from another optimisation level than the watcher's", ({ steps, ...model }) => {
  let arena: Arena;
  let opened: OpenedModel;
  let executor: LoadedProgram;
  let honest: Trace;
  let watcher: WatcherParts;
  let jobId: bigint;
  let demandBond: bigint;
  let rewind: () => Promise<void>;
  const costs: Record<string, unknown> = {};

  beforeAll(async () => {
    if (!model.present) return;
    arena = await createArena();
    opened = await openModel(model);
    executor = await opened.load({ optimization: "disabled" });
    honest = await executor.execute(opened.inputs);
    watcher = await createWatcherParts(arena, opened, opened.programs({ optimization: "all" }));
    jobId = await claimedJob(arena, opened);
    ({ demandBond } = (await getParameters(arena.chain)).rules);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    console.info(`${model.name}: demands, and gas of each move`, costs);
    await watcher?.close();
    await opened?.close();
    await arena?.close();
  });

  const withheld = async (trace: Trace): Promise<Committed> => {
    const job = await commitTo(arena, jobId, opened, trace);
    watcher.serve(undefined);
    expect(await verifyCommitment(job, watcher.dependencies, signal)).toEqual({ kind: "withheld", reason: "BLOB_NOT_FOUND", answered: true });
    return job;
  };
  const demand = async (job: Committed, budget = demandBudget): Promise<bigint> => {
    await openDemand(job, arena.sender("watcher"), budget, watcher.dependencies, signal);
    return getDisputeCount(arena.chain);
  };
  const gasOf = async (moves: readonly DisputeMove[]): Promise<number[]> => {
    const hashes = [...new Set(moves.map(({ transactionHash }) => transactionHash))];
    return Promise.all(hashes.map(async (hash) => Number((await arena.chain.client.getTransactionReceipt({ hash })).gasUsed)));
  };

  it.skipIf(!model.present).each(Array.from({ length: steps }, (_, step) => step))("is walked back to one wrong float of step %i, whose answer convicts", async (step) => {
    await rewind();
    const lying = await visibleLie(executor, honest, step, opened.hasher);
    const job = await withheld(lying.trace);
    const disputeId = await demand(job);
    const { dispute } = await playOut(arena, job, disputeId, lying.trace, watcher);
    expect(dispute).toMatchObject({ phase: "ended", outcome: "challengerWon", position: { stepIndex: step, index: lying.element } });
    const moves = await readDisputeMoves(arena.chain, disputeId);
    const demands = moves.filter(({ kind }) => kind === "demand").length;
    costs[`lie in step ${step}`] = [demands, await gasOf(moves)];
    expect(demands).toBeLessThanOrEqual(steps - step + 1);
    expect(await isBarred(arena.chain, job.id, arena.addresses.executor)).toBe(true);
    expect(await getJob(arena.chain, job.id)).toMatchObject({ status: "open", openDisputes: 0 });
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 2n * collateral, locked: 0n, credits: 0n });
    // Half of the collateral, and every bond of the walk.
    expect((await getStakeAccount(arena.chain, arena.addresses.watcher)).credits).toBe(collateral / 2n + BigInt(demands) * demandBond);
  });

  it.skipIf(!model.present)("is walked back to the element that a liar does not answer for, and its clock convicts", async () => {
    await rewind();
    const step = 1;
    const lying = await visibleLie(executor, honest, step, opened.hasher);
    const job = await withheld(lying.trace);
    const disputeId = await demand(job);
    const tensors = { inputs: lying.trace.inputs, trace: lying.trace.tensors, weight: await executor.weights() };
    let dispute = await getDispute(arena.chain, disputeId);
    for (let moves = 0; moves < 40 && !(dispute.phase === "answer" && dispute.position.stepIndex === step && dispute.position.index === lying.element); moves++) {
      // It uses what it can of its clock, and the challenge window runs out meanwhile.
      await arena.pass(5);
      if (dispute.phase === "answer") await answerDispute(arena.sender("executor"), dispute, executor.program, tensors, signal);
      else await playDispute(job, dispute, arena.sender("watcher"), watcher.dependencies, demandBudget, signal);
      dispute = await getDispute(arena.chain, disputeId);
    }
    await arena.pass(dispute.deadline - (await arena.chain.head()).timestamp + 1);
    await endDispute(arena.sender("stranger"), dispute);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "challengerWon", position: { stepIndex: step, index: lying.element } });
    expect(await isBarred(arena.chain, job.id, arena.addresses.executor)).toBe(true);
  });

  it.skipIf(!model.present)("of an honest executor is believed after the outputs were opened: it is paid, and keeps the bond", async () => {
    await rewind();
    const job = await withheld(honest);
    const disputeId = await demand(job);
    const { dispute, moves } = await playOut(arena, job, disputeId, honest, watcher);
    expect(dispute).toMatchObject({ phase: "ended", outcome: "defenderWon", bond: demandBond });
    costs["honest"] = [1, await gasOf(await readDisputeMoves(arena.chain, disputeId))];
    expect(moves).toBe(2);
    await arena.pass(Math.max(0, job.deadline - (await arena.chain.head()).timestamp) + 1);
    await finalizeJob(arena.sender("stranger"), job.id);
    expect(await getJob(arena.chain, job.id)).toMatchObject({ status: "final", attempt: 1 });
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 3n * collateral, locked: 0n, credits: demandBond + fee });
    // Once is enough.
    await openDemand(job, arena.sender("watcher"), demandBudget, watcher.dependencies, signal);
    expect(await getDisputeCount(arena.chain)).toBe(disputeId);
  });

  it.skipIf(!model.present)("is not demanded where the served outputs agree, or where the budget does not pay for it", async () => {
    await rewind();
    const job = await withheld(honest);
    const before = await getDisputeCount(arena.chain);
    expect(await demand(job, { demands: 16, wei: demandBond - 1n })).toBe(before);
    expect(await demand(job, { demands: 0, wei: demandBond })).toBe(before);
    watcher.serve({ ...honest, traceRoot: `0x${"00".repeat(32)}`, tensors: honest.outputs.map((index) => honest.tensors[index]!) });
    expect(await demand(job)).toBe(before);
  });

  it.skipIf(!model.present)("is answered by a watcher in the absence of its executor", async () => {
    await rewind();
    const job = await withheld(honest);
    const disputeId = await demand(job);
    await arena.pass(20);
    const tensors = { inputs: honest.inputs, trace: honest.tensors, weight: await executor.weights() };
    const waiting = await getDispute(arena.chain, disputeId);
    expect(await answerDispute(arena.sender("stranger"), waiting, executor.program, tensors, signal)).toMatch(/^0x/);
    expect(await answerDispute(arena.sender("executor"), waiting, executor.program, tensors, signal)).toBeUndefined();
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "demand", turn: 1 });
  });
});
