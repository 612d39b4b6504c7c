import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stepsTree } from "../../protocol/dispute/refutation.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { encodeStep } from "../../protocol/program/codec.ts";
import type { Step } from "../../protocol/program/types.ts";
import { pathProof } from "../../protocol/trees/merkle.ts";
import type { WatcherOptions } from "../../watcher/options.ts";
import { createWatcher } from "../../watcher/createWatcher.ts";
import { cancelJob } from "../../runtime/chain/calls/cancelJob.ts";
import { claimJob } from "../../runtime/chain/calls/claimJob.ts";
import { demandElement } from "../../runtime/chain/calls/demandElement.ts";
import { finalizeJob } from "../../runtime/chain/calls/finalizeJob.ts";
import { openDispute } from "../../runtime/chain/calls/openDispute.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import type { Sender } from "../../runtime/chain/createSender.ts";
import type { Dispute } from "../../runtime/chain/types.ts";
import { answerDispute } from "../../runtime/disputes/answerDispute.ts";
import { defendDispute, isDefendersTurn } from "../../runtime/disputes/defendDispute.ts";
import { endDispute } from "../../runtime/disputes/endDispute.ts";
import { createInference } from "../../runtime/inference/createInference.ts";
import { commitTrace } from "../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import { createLedger } from "../../runtime/ledger/createLedger.ts";
import { createPrograms, type Programs } from "../../runtime/programs/createPrograms.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import type { Webhook } from "../../runtime/telemetry/createWebhook.ts";
import { createArena, type Arena } from "../e2e/support/createArena.ts";
import type { Journal } from "../e2e/support/createJournal.ts";
import { lonelyNetwork, newJournal, recordingLogger, runDaemon, type Running } from "../e2e/support/daemonParts.ts";
import { lie, seeded, visibleLie } from "../e2e/support/lies.ts";
import { digits, openModel, type OpenedModel } from "../e2e/support/openModel.ts";
import { claimedJob, commitTo, createWatcherParts, demandBudget, openBisection, publishedInput, submittedJob, type Committed, type WatcherParts } from "../e2e/support/players.ts";
import { until } from "../runtime/chain/localChain.ts";

describe("createWatcher", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let programs: Programs;
  let loaded: LoadedProgram;
  let honest: Trace;
  let lying: Trace;
  let jobId: bigint;
  let journal: Journal;
  let rewind: () => Promise<void>;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    arena = await createArena();
    opened = await openModel(digits);
    programs = opened.programs();
    loaded = (await programs.open(opened.root)) as LoadedProgram;
    honest = await loaded.execute(opened.inputs);
    ({ trace: lying } = await lie(loaded, honest, { step: 2, place: "random", change: "bound" }, opened.hasher, seeded(3)));
    jobId = await claimedJob(arena, opened);
    rewind = await arena.checkpoint();
  });
  beforeEach(async () => {
    await rewind();
    journal = newJournal();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await opened.close();
    await arena.close();
  });

  interface Started {
    parts: WatcherParts;
    running: Running;
  }

  const start = async (options: Partial<WatcherOptions> = {}, changes: { name?: string; sender?: Sender | undefined; programs?: Programs; serve?: Trace; nobody?: boolean; webhook?: Webhook } = {}): Promise<Started> => {
    const { name = "watcher" } = changes;
    const logger = recordingLogger(journal, name);
    const parts = await createWatcherParts(arena, opened, changes.programs ?? programs, logger);
    closing.push(() => parts.close());
    parts.serve(changes.serve);
    const { fetch } = parts.dependencies.network.blobs;
    const { sender: _, ...without } = parts.dependencies;
    const sender = "sender" in changes ? changes.sender : arena.sender("watcher");
    const watcher = createWatcher(
      { mode: "dispute", patienceSeconds: 30, onWithheld: "bisect", demandBudget, tolerance: 0, defendOthers: true, concurrency: 1, ...options },
      { ...without, ...(changes.nobody === true ? { providers: { providersOf: () => [], stop: () => undefined } } : {}), network: lonelyNetwork(fetch), ledger: createLedger({ chain: arena.chain, pollingIntervalMs: 10 }), ...(sender === undefined ? {} : { sender }), ...(changes.webhook === undefined ? {} : { webhook: changes.webhook }) },
    );
    const running = runDaemon((signal) => watcher.run(signal));
    closing.push(() => running.stop());
    return { parts, running };
  };

  /** Plays the defender until the dispute has ended; with `timeout`, ends it when the challenger's clock has run out. */
  const defend = async (disputeId: bigint, trace: Trace, how?: "timeout"): Promise<Dispute> => {
    for (;;) {
      const dispute = await getDispute(arena.chain, disputeId);
      if (dispute.phase === "ended") return dispute;
      if (isDefendersTurn(dispute)) await defendDispute(arena.sender("executor"), dispute, (await getJob(arena.chain, dispute.jobId)).digest, { trace: trace.tensors });
      else if (dispute.phase === "refute" && dispute.seal !== undefined) await arena.pass(1).catch(() => undefined);
      else if (how === "timeout") await endDispute(arena.sender("executor"), dispute);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  /** What could not be done at one head is tried again at another. */
  const untilWhileTimePasses = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 500);
    await until(what, condition).finally(() => clearInterval(nudge));
  };
  const ended = (disputeId: bigint): Promise<void> => until("the dispute has ended", async () => (await getDispute(arena.chain, disputeId)).phase === "ended");
  /** Resolves when the watcher is through with what came before: it checks one commitment after another, and this one is the last. */
  const throughWithAll = async (): Promise<void> => {
    const next = await submittedJob(arena, opened.root, publishedInput(opened.inputs));
    await claimJob(arena.sender("executor"), next);
    await commitTo(arena, next, opened, honest);
    await journal.next("watcher", "commitment verified", { jobId: next });
  };
  const commit = (trace: Trace): Promise<Committed> => commitTo(arena, jobId, opened, trace);

  it("verifies an honest commitment and leaves it alone", async () => {
    await commit(honest);
    await start();
    expect(await journal.next("watcher", "commitment verified")).toMatchObject({ jobId: jobId.toString(), path: "equal roots" });
    await throughWithAll();
    expect(await getDisputeCount(arena.chain)).toBe(0n);
  });

  it("seals a refutation of a published lie, waits for the next second, and convicts", async () => {
    await commit(lying);
    await start({}, { serve: lying });
    await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    await arena.pass(1);
    expect(await journal.next("watcher", "executor convicted")).toMatchObject({ step: 2 });
    expect(await getDispute(arena.chain, 1n)).toMatchObject({ outcome: "challengerWon" });
    expect(await getDisputeCount(arena.chain)).toBe(1n);
  });

  it("seals anew where a stored refutation that is not on chain is damaged", async () => {
    const { parts } = await start({}, { serve: lying });
    await writeFile(path.join(parts.home, "cases", `${jobId}-1.json`), '{"jobId":');
    await commit(lying);
    await journal.next("watcher", "damaged refutation replaced");
    await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    await arena.pass(1);
    await journal.next("watcher", "executor convicted");
  });

  it("bisects a withheld lie, only after its patience, and never more than once", async () => {
    const job = await commit(lying);
    const committedAt = job.deadline - job.challengeWindow;
    await start({ patienceSeconds: 30 });
    expect(await journal.next("watcher", "trace not available yet")).toMatchObject({ reason: "BLOB_NOT_FOUND" });
    const nudge = setInterval(() => void arena.pass(6).catch(() => undefined), 50);
    const opening = await journal.next("watcher", "dispute opened by bisection").finally(() => clearInterval(nudge));
    const disputeId = BigInt(String(opening["disputeId"]));
    expect((await getDispute(arena.chain, disputeId)).turnStart).toBeGreaterThanOrEqual(committedAt + 30);
    expect(await defend(disputeId, lying)).toMatchObject({ outcome: "challengerWon" });
    expect(await getDisputeCount(arena.chain)).toBe(1n);
  });

  it("asks for a trace itself for a while before it bisects, however late it was started", async () => {
    const job = await commit(lying);
    await arena.pass(100);
    const startedAt = (await arena.chain.head()).timestamp;
    await start({ patienceSeconds: 20 });
    expect(await journal.next("watcher", "trace not available yet")).toMatchObject({ reason: "BLOB_NOT_FOUND" });
    const nudge = setInterval(() => void arena.pass(3).catch(() => undefined), 50);
    await journal.next("watcher", "dispute opened by bisection", { jobId }).finally(() => clearInterval(nudge));
    const { turnStart } = await getDispute(arena.chain, 1n);
    expect(turnStart).toBeGreaterThanOrEqual(startedAt + 20);
    expect(turnStart).toBeLessThan(job.deadline - job.challengeWindow / 3);
  });

  it("calls no trace withheld while nobody answers it, until a third of the window is left", async () => {
    const job = await commit(lying);
    await start({ patienceSeconds: 20 }, { nobody: true });
    expect(await journal.next("watcher", "trace not available yet")).toMatchObject({ reason: "TRACE_UNAVAILABLE" });
    await arena.pass(60);
    await throughWithAll();
    expect(await getDisputeCount(arena.chain)).toBe(0n);
    await arena.pass(job.deadline - Math.floor(job.challengeWindow / 3) - (await arena.chain.head()).timestamp);
    await journal.next("watcher", "dispute opened by bisection", { jobId });
  });

  it("walks a withheld lie back by demands where it does not know the executor's floats", async () => {
    const other = await opened.load({ optimization: "disabled" });
    const { trace, element } = await visibleLie(other, await other.execute(opened.inputs), 3, opened.hasher);
    const tensors = { inputs: trace.inputs, trace: trace.tensors, weight: await other.weights() };
    const job = await commit(trace);
    await start({ onWithheld: "auto", patienceSeconds: 0 });
    const opening = await journal.next("watcher", "dispute opened by demand", { jobId });
    const disputeId = BigInt(String(opening["disputeId"]));
    for (let turn = 0; ; turn += 2) {
      await until("the watcher demands", async () => (await getDispute(arena.chain, disputeId)).turn === turn);
      const dispute = await getDispute(arena.chain, disputeId);
      await arena.pass(1);
      // The lie itself has no sound answer, and its clock runs out.
      if (dispute.position.stepIndex === 3 && dispute.position.index === element) break;
      await answerDispute(arena.sender("executor"), dispute, other.program, tensors);
    }
    await arena.pass((await getDispute(arena.chain, disputeId)).deadline - (await arena.chain.head()).timestamp + 1);
    await ended(disputeId);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "challengerWon", jobId: job.id });
  });

  it("bisects a withheld lie of an executor whose floats have been its own", async () => {
    await start({ onWithheld: "auto", patienceSeconds: 0 });
    await throughWithAll();
    await commit(lying);
    await journal.next("watcher", "dispute opened by bisection", { jobId });
  });

  it("answers a demand for an honest executor that leaves half of its clock unused", async () => {
    const job = await commit(honest);
    await start();
    await journal.next("watcher", "commitment verified", { jobId });
    const { rules } = await getParameters(arena.chain);
    const demanded = { stepIndex: 4, element: 9, step: encodeStep(loaded.program.steps[4] as Step), stepProof: pathProof(stepsTree(loaded.program), 4) };
    const { disputeId } = await demandElement(arena.sender("stranger"), { jobId: job.id, digest: job.digest, bond: rules.demandBond }, demanded);
    await arena.pass(rules.clock / 2 + 2);
    await untilWhileTimePasses("somebody has answered", async () => (await getDispute(arena.chain, disputeId)).phase === "demand");
  });

  it.each<[string, Partial<WatcherOptions>]>([
    ["in mode observe a published lie", { mode: "observe" }],
    ["with --on-withheld alert a withheld lie", { onWithheld: "alert", patienceSeconds: 0 }],
  ])("says and does not dispute %s", async (_, options) => {
    await commit(lying);
    if (options.mode === "observe") {
      await start(options, { sender: undefined, serve: lying });
      expect(await journal.next("watcher", "fraud found")).toMatchObject({ step: 2 });
    } else {
      await start(options);
      await journal.next("watcher", "trace withheld, and its root is not the own one");
    }
    await throughWithAll();
    expect(await getDisputeCount(arena.chain)).toBe(0n);
  });

  it("goes on asking for a trace that it has only warned of, says so once, and refutes the lie when it appears", async () => {
    await commit(lying);
    const { parts } = await start({ onWithheld: "alert", patienceSeconds: 0 });
    await journal.next("watcher", "trace withheld, and its root is not the own one");
    await arena.pass(11);
    await throughWithAll();
    expect(await getDisputeCount(arena.chain)).toBe(0n);
    parts.serve(lying);
    await arena.pass(11);
    await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    await arena.pass(1);
    expect(await journal.next("watcher", "executor convicted")).toMatchObject({ step: 2 });
    expect(journal.of("watcher").filter(({ message }) => message === "trace withheld, and its root is not the own one")).toHaveLength(1);
  });

  it("does without a bundle what it can, and checks the commitment once the bundle is there", async () => {
    await commit(lying);
    const folder = path.join(opened.scratch, "late-bundles");
    await mkdir(folder, { recursive: true });
    const inference = createInference({ provider: "cpu", threads: 1, optimization: "all" }, { logger: silentLogger() });
    closing.push(() => inference.stop());
    await start({}, { programs: createPrograms([folder], { inference, hasher: opened.hasher }), serve: lying });
    expect(await journal.next("watcher", "task failed")).toMatchObject({ task: `check ${jobId}/1`, code: "BUNDLE_MISSING" });
    expect(await getDisputeCount(arena.chain)).toBe(0n);
    await cp(path.join(opened.folder, opened.root), path.join(folder, opened.root), { recursive: true });
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 200);
    await journal.next("watcher", "executor convicted").finally(() => clearInterval(nudge));
    await rm(folder, { recursive: true, force: true });
  });

  it.each(["reveal", "choose", "revealChunk"] as const)("plays on a dispute of its account that began before it started, from phase %s", async (phase) => {
    const job = await commit(lying);
    const disputeId = await openBisection(arena, job);
    if (phase !== "reveal") {
      await defendDispute(arena.sender("executor"), await getDispute(arena.chain, disputeId), job.digest, { trace: lying.tensors });
      expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "choose" });
    }
    if (phase === "revealChunk") {
      const first = await start({ patienceSeconds: 0 });
      for (;;) {
        const dispute = await getDispute(arena.chain, disputeId);
        if (dispute.phase === "revealChunk") break;
        if (isDefendersTurn(dispute)) await defendDispute(arena.sender("executor"), dispute, job.digest, { trace: lying.tensors });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await first.running.stop();
    }
    // Without patience a second dispute of the same commitment would be opened at once.
    await start({ patienceSeconds: 0 }, { name: "late" });
    expect(await defend(disputeId, lying)).toMatchObject({ outcome: "challengerWon" });
    expect(await getDisputeCount(arena.chain)).toBe(1n);
  });

  it("ends a dispute whose defender has no time left", async () => {
    const job = await commit(lying);
    const disputeId = await openBisection(arena, job);
    await start();
    const { deadline } = await getDispute(arena.chain, disputeId);
    await arena.pass(deadline - (await arena.chain.head()).timestamp + 1);
    await ended(disputeId);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "challengerWon" });
    expect(await getJob(arena.chain, jobId)).toMatchObject({ status: "open", attempt: 2 });
  });

  it("disputes a lie again when its clock ran out while it could not send", async () => {
    await commit(lying);
    let isDown = true;
    const own = arena.sender("watcher");
    const send: Sender["send"] = async (call, options) => {
      if (isDown && call.functionName === "refute") throw new GainsayError("No RPC endpoint answers.", { code: "CHAIN_UNREACHABLE", retryable: true });
      return own.send(call, options);
    };
    await start({}, { sender: { ...own, send }, serve: lying });
    await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    const { deadline } = await getDispute(arena.chain, 1n);
    await arena.pass(deadline - (await arena.chain.head()).timestamp + 1);
    await journal.next("watcher", "own clock ran out before the move was made, and the bond is lost", { disputeId: "1" });
    isDown = false;
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 200);
    await journal.next("watcher", "own dispute was lost to the clock, and the wrong result stands: disputed again", { jobId });
    // The first one is not ended by anybody: it does not stand in the way.
    expect(await journal.next("watcher", "executor convicted", { jobId }).finally(() => clearInterval(nudge))).toMatchObject({ disputeId: "2" });
    expect(await getDisputeCount(arena.chain)).toBe(2n);
  });

  it("warns once of a lie whose dispute it cannot open, tries that less and less often, and judges it no second time", async () => {
    await commit(lying);
    let isShort = true;
    const tries: number[] = [];
    const own = arena.sender("watcher");
    const send: Sender["send"] = async (call, options) => {
      if (!isShort) return own.send(call, options);
      tries.push((await arena.chain.head()).timestamp);
      throw new GainsayError("The daily budget does not allow another dispute.", { code: "BUDGET_EXHAUSTED", retryable: true });
    };
    const posts: string[] = [];
    await start({}, { sender: { ...own, send }, serve: lying, webhook: { post: (kind: string) => void posts.push(kind), stop: async () => undefined } as unknown as Webhook });
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 50);
    try {
      await until("it has tried three times", () => tries.length >= 3);
      const [first = 0, second = 0, third = 0] = tries;
      expect(second - first).toBeGreaterThanOrEqual(2);
      expect(third - second).toBeGreaterThanOrEqual(4);
      isShort = false;
      await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
      await journal.next("watcher", "executor convicted", { jobId });
    } finally {
      clearInterval(nudge);
    }
    expect(posts).toEqual(["fraud"]);
    expect(journal.of("watcher").filter(({ message }) => message === "fraud found")).toHaveLength(1);
  });

  it("says once that the revealed chunk is sound, and leaves the rest to the clock", async () => {
    const step = loaded.program.steps[0] as LoadedProgram["program"]["steps"][number];
    const bytes = honest.tensors.map((tensor) => new Uint8Array(tensor.bytes));
    const first = new DataView((bytes[step.result.index] as Uint8Array).buffer);
    first.setFloat32(0, first.getFloat32(0, true) + 1, true);
    const job = await commit(honest);
    const { parts } = await start();
    await journal.next("watcher", "commitment verified");
    // The watcher's own numbers are the wrong ones here.
    await parts.dependencies.traces.put(`own/${job.id}`, await commitTrace(loaded.program, opened.inputs, bytes, opened.hasher));
    const disputeId = await openBisection(arena, job);
    const nudge = setInterval(() => void arena.pass(1).catch(() => undefined), 100);
    try {
      await Promise.race([defend(disputeId, honest), journal.next("watcher", "the disputed chunk is sound: the executor's floats differ within their bounds, and this bond will be lost")]);
      await throughWithAll();
      expect(await defend(disputeId, honest, "timeout")).toMatchObject({ outcome: "defenderWon" });
    } finally {
      clearInterval(nudge);
    }
    expect(journal.of("watcher").filter(({ message }) => message?.startsWith("the disputed chunk is sound"))).toHaveLength(1);
  });

  it("checks the commitment that a reorganisation puts in the place of another, and seals a refutation of that one", async () => {
    const back = await arena.checkpoint();
    await commit(honest);
    const { parts } = await start();
    await journal.next("watcher", "commitment verified", { jobId });
    const { trace: other } = await lie(loaded, honest, { step: 1, place: "first", change: "bound" }, opened.hasher, seeded(4));
    await back();
    await commit(other);
    parts.serve(other);
    await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    await back();
    await commit(lying);
    parts.serve(lying);
    // The refutation that is stored is one of another commitment.
    const { step } = await journal.next("watcher", "dispute opened with a sealed refutation", { jobId });
    expect(step).toBe(2);
    await arena.pass(1);
    await journal.next("watcher", "executor convicted", { jobId });
  });

  it.each([
    ["sealed refutation", "dispute opened with a sealed refutation", true],
    ["bisection", "dispute opened by bisection", false],
  ])("opens a dispute again whose opening a reorganisation took away: %s", async (_, message, served) => {
    await commit(lying);
    const back = await arena.checkpoint();
    await start({ patienceSeconds: 0 }, served ? { serve: lying } : {});
    await journal.next("watcher", message, { jobId });
    await back();
    await arena.pass(2);
    expect(await getDisputeCount(arena.chain)).toBe(0n);
    await journal.next("watcher", "own dispute is gone from the chain", { jobId });
    await arena.pass(1);
    await journal.next("watcher", message, { jobId });
    expect(await getDisputeCount(arena.chain)).toBe(1n);
  });

  it("takes its bond back when another dispute has convicted the commitment", async () => {
    const job = await commit(lying);
    const { rules } = await getParameters(arena.chain);
    const mine = await openBisection(arena, job);
    const { disputeId: other } = await openDispute(arena.sender("stranger"), { jobId, digest: job.digest, bond: rules.bond });
    await start({}, { name: "rival", sender: arena.sender("stranger") });
    expect(await defend(other, lying)).toMatchObject({ outcome: "challengerWon" });
    await start();
    await ended(mine);
    expect(await getDispute(arena.chain, mine)).toMatchObject({ outcome: "void" });
    expect((await getStakeAccount(arena.chain, arena.addresses.watcher)).credits).toBe(rules.bond);
  });

  it("takes its bond back also where the job has been over for long when it starts", async () => {
    const job = await commit(lying);
    const { rules } = await getParameters(arena.chain);
    const mine = await openBisection(arena, job);
    const { disputeId: other } = await openDispute(arena.sender("stranger"), { jobId, digest: job.digest, bond: rules.bond });
    const rival = await start({}, { name: "rival", sender: arena.sender("stranger") });
    expect(await defend(other, lying)).toMatchObject({ outcome: "challengerWon" });
    await rival.running.stop();
    await cancelJob(arena.sender("requester"), jobId);
    for (let block = 0; block < 40; block++) await arena.pass(1);
    await start();
    await ended(mine);
    expect(await getDispute(arena.chain, mine)).toMatchObject({ outcome: "void" });
  });

  it("defends an honest commitment whose executor is away, but only when half of the clock is gone", async () => {
    const job = await commit(honest);
    await start();
    await journal.next("watcher", "commitment verified");
    const { rules } = await getParameters(arena.chain);
    const { disputeId } = await openDispute(arena.sender("stranger"), { jobId, digest: job.digest, bond: rules.bond });
    const opening = await getDispute(arena.chain, disputeId);
    await arena.pass(rules.clock / 2 - 10);
    await throughWithAll();
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "reveal" });
    await arena.pass(12);
    await untilWhileTimePasses("somebody has revealed", async () => (await getDispute(arena.chain, disputeId)).phase === "choose");
    const { turnStart, deadline } = await getDispute(arena.chain, disputeId);
    expect(turnStart).toBeGreaterThan((opening.turnStart + opening.deadline) / 2);
    // The challenger has nothing to choose: its clock runs out, and the job becomes final.
    await arena.pass(deadline - (await arena.chain.head()).timestamp + 1);
    await endDispute(arena.sender("requester"), await getDispute(arena.chain, disputeId));
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "defenderWon" });
    await arena.pass(Math.max(0, job.deadline - (await arena.chain.head()).timestamp) + 1);
    await finalizeJob(arena.sender("requester"), jobId);
  });

  it.each(["bisection", "demand"] as const)("defends a result of other floats with the trace that it fetched, against a %s, and forgets the trace with the job", async (kind) => {
    const other = await opened.load({ optimization: "disabled" });
    const trace = await other.execute(opened.inputs);
    expect(trace.traceRoot).not.toBe(honest.traceRoot);
    const job = await commit(trace);
    const { parts } = await start({}, { serve: trace });
    expect(await journal.next("watcher", "commitment verified")).toMatchObject({ path: "blocks recomputed" });
    // From here on nobody serves it.
    parts.serve(undefined);
    const { rules } = await getParameters(arena.chain);
    const step = loaded.program.steps.at(-1) as Step;
    const stepIndex = loaded.program.steps.length - 1;
    const { disputeId } = kind === "bisection"
      ? await openDispute(arena.sender("stranger"), { jobId, digest: job.digest, bond: rules.bond })
      : await demandElement(arena.sender("stranger"), { jobId, digest: job.digest, bond: rules.demandBond }, { stepIndex, element: 0, step: encodeStep(step), stepProof: pathProof(stepsTree(loaded.program), stepIndex) });
    await arena.pass(rules.clock / 2 + 2);
    await untilWhileTimePasses("somebody has made the move", async () => (await getDispute(arena.chain, disputeId)).turn === 1);
    const { deadline } = await getDispute(arena.chain, disputeId);
    await arena.pass(deadline - (await arena.chain.head()).timestamp + 1);
    await endDispute(arena.sender("requester"), await getDispute(arena.chain, disputeId));
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "defenderWon" });
    const posted = (): boolean => parts.dependencies.traces.list().some(({ jobKey }) => jobKey === `posted/${jobId}/${job.attempt}`);
    expect(posted()).toBe(true);
    await arena.pass(Math.max(0, job.deadline - (await arena.chain.head()).timestamp) + 1);
    await finalizeJob(arena.sender("requester"), jobId);
    const later = setInterval(() => void arena.pass(61).catch(() => undefined), 20);
    await until("the trace is forgotten", () => !posted()).finally(() => clearInterval(later));
  });

  it("keeps no trace of others where it would not defend them", async () => {
    const trace = await (await opened.load({ optimization: "disabled" })).execute(opened.inputs);
    await commit(trace);
    const { parts } = await start({ defendOthers: false }, { serve: trace });
    await journal.next("watcher", "commitment verified");
    // After what was put before.
    await parts.dependencies.traces.prune([]);
    expect(parts.dependencies.traces.list().map(({ jobKey }) => jobKey)).toEqual([`own/${jobId}`]);
  });

  it("does not defend, nor dispute, for an account that it does not have", async () => {
    await commit(lying);
    await start({ mode: "dispute" }, { sender: undefined, serve: lying });
    await journal.next("watcher", "fraud found");
    await throughWithAll();
    expect(await getDisputeCount(arena.chain)).toBe(0n);
  });
});
