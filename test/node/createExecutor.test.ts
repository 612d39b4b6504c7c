import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createExecutor } from "../../node/createExecutor.ts";
import { parseMisbehaviour } from "../../node/misbehaviour.ts";
import type { ExecutorOptions } from "../../node/options.ts";
import { stepsTree } from "../../protocol/dispute/refutation.ts";
import { encodeStep, programRoot } from "../../protocol/program/codec.ts";
import type { Step } from "../../protocol/program/types.ts";
import { pathProof } from "../../protocol/trees/merkle.ts";
import { claimJob } from "../../runtime/chain/calls/claimJob.ts";
import { concedeDispute } from "../../runtime/chain/calls/concedeDispute.ts";
import { demandElement } from "../../runtime/chain/calls/demandElement.ts";
import { depositStake } from "../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../runtime/chain/calls/registerModel.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { writeBundle } from "../../runtime/bundle/writeBundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { createLedger } from "../../runtime/ledger/createLedger.ts";
import type { Programs } from "../../runtime/programs/createPrograms.ts";
import { createTraceStore, type TraceStore } from "../../runtime/traces/createTraceStore.ts";
import { createArena, type Arena } from "../e2e/support/createArena.ts";
import type { Journal } from "../e2e/support/createJournal.ts";
import { lonelyNetwork, newJournal, recordingLogger, runDaemon, type Running } from "../e2e/support/daemonParts.ts";
import { digits, openModel, type OpenedModel } from "../e2e/support/openModel.ts";
import { buildOnnx, op } from "../support/onnxBuilder.ts";
import { until } from "../runtime/chain/localChain.ts";
import { collateral, committed, fee, openBisection, publishedInput, submittedJob } from "../e2e/support/players.ts";

describe("createExecutor", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let programs: Programs;
  let journal: Journal;
  let rewind: () => Promise<void>;
  const running: { daemon: Running; traces: TraceStore }[] = [];

  beforeAll(async () => {
    arena = await createArena();
    opened = await openModel(digits);
    programs = opened.programs();
    await registerModel(arena.sender("requester"), opened.bundle.program.header, opened.root, "bundle://test");
    await depositStake(arena.sender("executor"), 5n * collateral);
    rewind = await arena.checkpoint();
  });
  beforeEach(async () => {
    await rewind();
    journal = newJournal();
  });
  afterEach(async () => {
    for (const { daemon, traces } of running.splice(0)) {
      await daemon.stop();
      await traces.stop();
    }
  });
  afterAll(async () => {
    await opened.close();
    await arena.close();
  });

  const start = async (options: Partial<ExecutorOptions> = {}, folder?: string, maxBytes = Infinity, order: "prepare first" | "run first" = "prepare first"): Promise<{ folder: string; daemon: Running }> => {
    const dir = folder ?? (await mkdtemp(path.join(opened.scratch, "executor-")));
    const logger = recordingLogger(journal, "executor");
    const traces = createTraceStore({ dir, maxBytes }, { logger, hasher: opened.hasher });
    await traces.start();
    const executor = createExecutor(
      { programs: [opened.root], minFee: 0n, maxCollateral: 10n * collateral, claimDelaySeconds: 0, retainSeconds: 3600, concurrency: 2, ...options },
      {
        account: arena.accounts.executor,
        chain: arena.chain,
        sender: arena.sender("executor"),
        ledger: createLedger({ chain: arena.chain, pollingIntervalMs: 10 }),
        network: lonelyNetwork(),
        providers: { providersOf: () => [], stop: () => undefined },
        programs,
        hasher: opened.hasher,
        traces,
        logger,
      },
    );
    if (order === "prepare first") await executor.prepare(new AbortController().signal);
    const daemon = runDaemon((signal) => executor.run(signal));
    running.push({ daemon, traces });
    if (order === "run first") {
      await executor.openCommitments();
      await executor.prepare(new AbortController().signal);
    }
    return { folder: dir, daemon };
  };
  const stop = async ({ daemon }: { daemon: Running }): Promise<void> => {
    const at = running.findIndex((entry) => entry.daemon === daemon);
    await daemon.stop();
    await running.splice(at, 1)[0]?.traces.stop();
  };
  const submit = (changes: Partial<{ bytes: Uint8Array }> = {}, root = opened.root): Promise<bigint> => submittedJob(arena, root, { ...publishedInput(opened.inputs), ...changes });

  it("claims, delivers, and makes the job final after its challenge window", async () => {
    await start();
    const jobId = await submit();
    await journal.next("executor", "result committed", { jobId });
    const job = await committed(arena, jobId);
    expect(job).toMatchObject({ status: "committed", executor: arena.addresses.executor });
    const expected = await (await opened.load()).execute(opened.inputs);
    expect(job.traceRoot).toBe(expected.traceRoot);
    await arena.pass(job.deadline - (await arena.chain.head()).timestamp);
    expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "committed" });
    await arena.pass(1);
    await journal.next("executor", "job final", { jobId });
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 5n * collateral, locked: 0n, credits: fee });
  });

  it("tests a program once, also where it looks at the chain meanwhile", async () => {
    await start({ programs: [] }, undefined, Infinity, "run first");
    await journal.next("executor", "result committed", { jobId: await submit() });
    expect(journal.of("executor").filter(({ message }) => message === "kernels tested, program served")).toHaveLength(1);
  });

  it("leaves a job alone whose input on chain does not hash to its root", async () => {
    await start();
    const { bytes } = publishedInput(opened.inputs);
    const changed = new Uint8Array(bytes);
    changed[0] = (changed[0] as number) ^ 1;
    const wrong = [await submit({ bytes: changed }), await submit({ bytes: bytes.slice(0, -4) }), await submit({ bytes: new Uint8Array(Buffer.concat([bytes, bytes])) })];
    for (const jobId of wrong) await journal.next("executor", "job with a malformed input left alone", { jobId });
    await journal.next("executor", "result committed", { jobId: await submit() });
    for (const jobId of wrong) expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open", executor: undefined });
  });

  it("leaves jobs of programs alone that it does not have, whether it serves all or some", async () => {
    const header = { ...opened.bundle.program.header, graph: opened.root };
    const unknown = programRoot(header);
    await registerModel(arena.sender("requester"), header, opened.root, "bundle://elsewhere");
    const jobId = await submit({}, unknown);
    for (const programsServed of [[], [opened.root]]) {
      const daemon = await start({ programs: programsServed });
      await journal.next("executor", "result committed", { jobId: await submit() });
      expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open", executor: undefined });
      await stop(daemon);
    }
  });

  it("leaves jobs of a program alone that it has and was not told to serve", async () => {
    const runner = createFoldRunner();
    const small = await compileModel({ modelBytes: buildOnnx({ inputs: { x: [4] }, nodes: [op("Relu", ["x"], ["y"])], outputs: ["y"] }) }, { runner });
    runner.close();
    const { root, header } = small.program;
    await writeBundle(path.join(opened.folder, root), small);
    await registerModel(arena.sender("requester"), header, root, "bundle://small");
    const left = await submit();
    await start({ programs: [root] });
    const input = new Uint8Array(Float32Array.of(-1, 0, 1, 2).buffer);
    const taken = await submittedJob(arena, root, publishedInput([input]));
    await journal.next("executor", "result committed", { jobId: taken });
    expect(await getJob(arena.chain, left)).toMatchObject({ status: "open", executor: undefined });
    await rm(path.join(opened.folder, root), { recursive: true });
  });

  it("leaves jobs alone that pay too little or demand too much", async () => {
    const poor = await submit();
    const daemon = await start({ minFee: fee + 1n });
    await journal.next("executor", "executor started");
    await arena.pass(1);
    await stop(daemon);
    const other = await start({ maxCollateral: collateral - 1n });
    await arena.pass(1);
    await stop(other);
    expect(await getJob(arena.chain, poor)).toMatchObject({ status: "open", executor: undefined });
    await start({ minFee: fee, maxCollateral: collateral });
    await journal.next("executor", "job claimed", { jobId: poor });
  });

  it("does not claim without stake, says so, and claims once there is some", async () => {
    const locked = [await submit(), await submit(), await submit(), await submit(), await submit()];
    for (const jobId of locked) await claimJob(arena.sender("executor"), jobId);
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 0n });
    const jobId = await submit();
    await start({ concurrency: 8 });
    expect(await journal.next("executor", "task failed", { task: `claim ${jobId}/1` })).toMatchObject({ code: "STAKE_TOO_SMALL" });
    expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open", executor: undefined });
    await depositStake(arena.sender("executor"), collateral);
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 100);
    await journal.next("executor", "result committed", { jobId }).finally(() => clearInterval(nudge));
  });

  it("claims nothing whose trace it could not store, since a missed delivery costs stake", async () => {
    const first = await start({}, undefined, 5_000);
    const jobId = await submit();
    expect(await journal.next("executor", "task failed")).toMatchObject({ task: `claim ${jobId}/1`, code: "TRACE_STORE_FULL" });
    expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open" });
    await stop(first);
    await start({}, first.folder, 1_000_000);
    await journal.next("executor", "result committed", { jobId });
  });

  it("waits as long as it was told before it claims", async () => {
    const jobId = await submit();
    const submitted = (await arena.chain.head()).timestamp;
    await start({ claimDelaySeconds: 30 });
    const nudge = setInterval(() => void arena.pass(7).catch(() => undefined), 50);
    await journal.next("executor", "job claimed", { jobId }).finally(() => clearInterval(nudge));
    const { deadline, deliveryWindow } = await getJob(arena.chain, jobId);
    expect(deadline - deliveryWindow).toBeGreaterThanOrEqual(submitted + 30);
  });

  it("takes up a claimed job, a stored trace and a running dispute after a restart", async () => {
    const jobId = await submit();
    await claimJob(arena.sender("executor"), jobId);
    const first = await start();
    await journal.next("executor", "result committed", { jobId });
    await stop(first);
    const disputeId = await openBisection(arena, await committed(arena, jobId));
    await start({}, first.folder);
    await journal.next("executor", "answered dispute", { disputeId });
    const dispute = await getDispute(arena.chain, disputeId);
    expect(dispute).toMatchObject({ phase: "choose", turn: 1 });
    // The challenger leaves: the executor ends the dispute and is paid its bond.
    await arena.pass(dispute.deadline - (await arena.chain.head()).timestamp + 1);
    await until("the dispute has ended", async () => (await getDispute(arena.chain, disputeId)).phase === "ended");
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "defenderWon" });
  });

  it("answers a demand from its stored trace, after a restart too, and is paid when the challenger gives up", async () => {
    const jobId = await submit();
    const first = await start();
    await journal.next("executor", "result committed", { jobId });
    await stop(first);
    const { program } = await opened.load();
    const { demandBond } = (await getParameters(arena.chain)).rules;
    const { digest } = await getJob(arena.chain, jobId);
    const demanded = { stepIndex: 2, element: 77, step: encodeStep(program.steps[2] as Step), stepProof: pathProof(stepsTree(program), 2) };
    const { disputeId } = await demandElement(arena.sender("watcher"), { jobId, digest, bond: demandBond }, demanded);
    await start({}, first.folder);
    await arena.pass(1);
    await journal.next("executor", "answered dispute", { disputeId });
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "demand", turn: 1 });
    await concedeDispute(arena.sender("watcher"), disputeId, 1, digest);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "defenderWon" });
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ credits: demandBond });
  });

  it("claims and commits anew what a reorganisation took away, with the same trace", async () => {
    const jobId = await submit();
    const back = await arena.checkpoint();
    await start();
    await journal.next("executor", "result committed", { jobId });
    const { traceRoot } = await committed(arena, jobId);
    await back();
    await arena.pass(2);
    await journal.next("executor", "job claimed", { jobId });
    await journal.next("executor", "result committed", { jobId });
    expect((await committed(arena, jobId)).traceRoot).toBe(traceRoot);
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 4n * collateral, locked: collateral });
  });

  it("commits to no stored trace of a job whose number a reorganisation gave to another input", async () => {
    const back = await arena.checkpoint();
    await start();
    const jobId = await submit();
    await journal.next("executor", "result committed", { jobId });
    await back();
    const inputs = opened.inputs.map((bytes) => new Uint8Array(new Float32Array(bytes.length / 4).fill(0.25).buffer));
    expect(await submittedJob(arena, opened.root, publishedInput(inputs))).toBe(jobId);
    await journal.next("executor", "result committed", { jobId });
    const { traceRoot } = await committed(arena, jobId);
    expect(traceRoot).toBe((await (await opened.load()).execute(inputs)).traceRoot);
  });

  it("says that it cannot defend a commitment whose trace is lost", async () => {
    const jobId = await submit();
    const first = await start();
    await journal.next("executor", "result committed", { jobId });
    await stop(first);
    const disputeId = await openBisection(arena, await committed(arena, jobId));
    await start();
    await journal.next("executor", "trace of a disputed commitment is not here", { disputeId });
  });

  it("commits to a lie where it was told to", async () => {
    await start({ misbehaviour: parseMisbehaviour("step=1/7") });
    const jobId = await submit();
    await journal.next("executor", "result committed", { jobId });
    const expected = await (await opened.load()).execute(opened.inputs);
    expect((await committed(arena, jobId)).traceRoot).not.toBe(expected.traceRoot);
  });
});
