import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createExecutor } from "../../node/createExecutor.ts";
import { parseMisbehaviour } from "../../node/misbehaviour.ts";
import type { ExecutorOptions } from "../../node/options.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { stepsTree } from "../../protocol/dispute/refutation.ts";
import { encodeStep, programRoot } from "../../protocol/program/codec.ts";
import type { Step } from "../../protocol/program/types.ts";
import { pathProof } from "../../protocol/trees/merkle.ts";
import { tensorRoot } from "../../protocol/trees/tensorTree.ts";
import { claimJob } from "../../runtime/chain/calls/claimJob.ts";
import { concedeDispute } from "../../runtime/chain/calls/concedeDispute.ts";
import { demandElement } from "../../runtime/chain/calls/demandElement.ts";
import { depositStake } from "../../runtime/chain/calls/depositStake.ts";
import { registerModel } from "../../runtime/chain/calls/registerModel.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { forgetInputs } from "../../runtime/chain/reads/readJobInput.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { writeBundle } from "../../runtime/bundle/writeBundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { createLedger } from "../../runtime/ledger/createLedger.ts";
import type { BlobName } from "../../runtime/network/blobs/blobMessages.ts";
import { createInputStore, type InputName } from "../../runtime/programs/createInputStore.ts";
import type { Programs } from "../../runtime/programs/createPrograms.ts";
import { createTraceStore, type TraceStore } from "../../runtime/traces/createTraceStore.ts";
import { traceSize } from "../../runtime/traces/traceSize.ts";
import { createArena, type Arena } from "../e2e/support/createArena.ts";
import type { Journal } from "../e2e/support/createJournal.ts";
import { lonelyNetwork, newJournal, recordingLogger, runDaemon, type Running } from "../e2e/support/daemonParts.ts";
import { digits, openModel, type OpenedModel } from "../e2e/support/openModel.ts";
import { buildOnnx, op } from "../support/onnxBuilder.ts";
import { until } from "../runtime/chain/localChain.ts";
import { collateral, committed, fee, openBisection, publishedInput, submittedJob } from "../e2e/support/players.ts";

/** What differs from an executor that nobody serves anything. */
interface Surroundings {
  /** Fetches from the one peer that there is. */
  fetch?: (name: BlobName) => Promise<Uint8Array>;
  /** Called before an input is kept. */
  onKept?(name: InputName): void;
  /** In place of a look for the stored trace, which comes before a delivery. */
  getTrace?: TraceStore["get"];
}

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

  const start = async (options: Partial<ExecutorOptions> = {}, folder?: string, maxBytes = Infinity, order: "prepare first" | "run first" = "prepare first", { fetch, onKept, getTrace }: Surroundings = {}): Promise<{ folder: string; daemon: Running }> => {
    const dir = folder ?? (await mkdtemp(path.join(opened.scratch, "executor-")));
    const logger = recordingLogger(journal, "executor");
    const traces = createTraceStore({ dir, maxBytes }, { logger, hasher: opened.hasher });
    await traces.start();
    const inputs = createInputStore(path.join(dir, "inputs"), { logger });
    const executor = createExecutor(
      { programs: [opened.root], minFee: 0n, maxCollateral: 10n * collateral, claimDelaySeconds: 0, retainSeconds: 3600, concurrency: 2, ...options },
      {
        account: arena.accounts.executor,
        chain: arena.chain,
        sender: arena.sender("executor"),
        ledger: createLedger({ chain: arena.chain, pollingIntervalMs: 10 }),
        network: lonelyNetwork(fetch),
        providers: { providersOf: () => (fetch === undefined ? [] : ["peer"]), stop: () => undefined },
        programs,
        hasher: opened.hasher,
        traces: getTrace === undefined ? traces : { ...traces, get: getTrace },
        inputs: { ...inputs, put: (name, tensors) => (onKept?.(name), inputs.put(name, tensors)) },
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

  describe("with an input that travels off chain", () => {
    // Jobs of earlier tests had the same numbers.
    beforeEach(() => forgetInputs(arena.chain));

    const submitBare = (): Promise<bigint> => submittedJob(arena, opened.root, { root: publishedInput(opened.inputs).root });
    const keptIn = (folder: string): Promise<string[]> => readdir(path.join(folder, "inputs")).catch(() => []);
    const gone = async (): Promise<never> => {
      throw new Error("the peer is gone");
    };
    /** A peer that gives each blob once, and is gone afterwards. */
    const once = (onFirst: () => Promise<void> = async () => undefined): NonNullable<Surroundings["fetch"]> => {
      const tensors = opened.inputs.map((bytes) => [tensorRoot(bytes), bytes] as const);
      const blobs = new Map<Hex, Uint8Array>(tensors.map(([root, bytes]) => [toHex(root), bytes]));
      blobs.set(publishedInput(opened.inputs).root, new Uint8Array(Buffer.concat(tensors.map(([root]) => root))));
      const first = blobs.size;
      return async (name) => {
        const { root } = name as { root: Hex };
        const bytes = blobs.get(root);
        if (bytes === undefined) return gone();
        if (blobs.size === first) await onFirst();
        blobs.delete(root);
        return bytes;
      };
    };

    it("delivers although nobody serves the input after the claim, and keeps it no longer", async () => {
      const jobId = await submitBare();
      const kept: InputName[] = [];
      const { folder } = await start({}, undefined, Infinity, "prepare first", { fetch: once(), onKept: (name) => kept.push(name) });
      await journal.next("executor", "result committed", { jobId });
      const job = await committed(arena, jobId);
      expect(job.traceRoot).toBe((await (await opened.load()).execute(opened.inputs)).traceRoot);
      expect(kept).toMatchObject([{ programRoot: opened.root, inputRoot: job.inputRoot }]);
      await until("the input is removed", async () => (await keptIn(folder)).length === 0);
    });

    it("delivers after a restart between claim and delivery", async () => {
      const jobId = await submitBare();
      const first = await start({}, undefined, Infinity, "prepare first", { fetch: once(), getTrace: () => Promise.reject(new Error("not yet")) });
      await journal.next("executor", "task failed", { task: `deliver ${jobId}/1` });
      await stop(first);
      expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "claimed" });
      expect(await keptIn(first.folder)).toHaveLength(1);
      await start({}, first.folder, Infinity, "prepare first", { fetch: gone });
      await journal.next("executor", "result committed", { jobId });
    });

    it("keeps nothing that can be read from the chain", async () => {
      const kept: InputName[] = [];
      await start({}, undefined, Infinity, "prepare first", { onKept: (name) => kept.push(name) });
      await journal.next("executor", "result committed", { jobId: await submit() });
      expect(kept).toEqual([]);
    });

    it("claims nothing whose input it cannot keep", async () => {
      const jobId = await submitBare();
      const folder = await mkdtemp(path.join(opened.scratch, "executor-"));
      await writeFile(path.join(folder, "inputs"), "in the way");
      const blocked = await start({}, folder, Infinity, "prepare first", { fetch: once() });
      expect(await journal.next("executor", "task failed")).toMatchObject({ task: `claim ${jobId}/1`, code: "INPUT_NOT_KEPT" });
      await stop(blocked);
      const tight = await start({}, undefined, traceSize(opened.bundle.program) + 1, "prepare first", { fetch: once() });
      expect(await journal.next("executor", "task failed")).toMatchObject({ task: `claim ${jobId}/1`, code: "TRACE_STORE_FULL" });
      await stop(tight);
      expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open" });
    });

    it("forgets an input when somebody else was faster", async () => {
      await depositStake(arena.sender("stranger"), collateral);
      const kept: InputName[] = [];
      const jobId = await submitBare();
      const fetch = once(async () => void (await claimJob(arena.sender("stranger"), jobId)));
      const { folder } = await start({}, undefined, Infinity, "prepare first", { fetch, onKept: (name) => kept.push(name) });
      await journal.next("executor", "job claimed by another executor", { jobId });
      expect(kept).toHaveLength(1);
      expect(await keptIn(folder)).toEqual([]);
    });

    it("forgets the inputs of jobs that are not its own, and keeps those of open ones", async () => {
      const folder = await mkdtemp(path.join(opened.scratch, "executor-"));
      const inputs = createInputStore(path.join(folder, "inputs"), { logger: recordingLogger(journal, "earlier") });
      const { root } = publishedInput(opened.inputs);
      await inputs.put({ programRoot: opened.root, inputRoot: root }, []);
      await inputs.put({ programRoot: opened.root, inputRoot: opened.root }, []);
      await submitBare();
      // A job that pays too little stays open.
      const daemon = await start({ minFee: fee + 1n }, folder);
      await arena.pass(1);
      await journal.next("executor", "inputs removed that no job needs", { removed: 1 });
      expect(await keptIn(folder)).toEqual([`${root}-${opened.root}.bin`]);
      await stop(daemon);
    });

    it("claims again on an input that it has, and keeps it for the jobs that still need it", async () => {
      const jobs = [await submitBare()];
      const held = new Set(["1", "2"]);
      const getTrace = async (key: string): Promise<undefined> => {
        if (held.has(key.split("/", 1)[0] as string)) throw new Error("not yet");
      };
      const { folder } = await start({}, undefined, Infinity, "prepare first", { fetch: once(), getTrace });
      await journal.next("executor", "job claimed", { jobId: jobs[0] });
      jobs.push(await submitBare());
      await journal.next("executor", "job claimed", { jobId: jobs[1] });
      const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 100);
      try {
        for (const [i, jobId] of jobs.entries()) {
          expect(await keptIn(folder)).toHaveLength(1);
          held.delete(String(i + 1));
          await journal.next("executor", "result committed", { jobId });
        }
        await until("the input is removed", async () => (await keptIn(folder)).length === 0);
      } finally {
        clearInterval(nudge);
      }
    });
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
