import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandLying, lieInside } from "../../node/lieInside.ts";
import { parseMisbehaviour } from "../../node/misbehaviour.ts";
import { innerRootOf } from "../../protocol/dispute/defenderMove.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { getDispute, getDisputeCount } from "../../runtime/chain/reads/getDispute.ts";
import { isBarred } from "../../runtime/chain/reads/getJob.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import { endDispute } from "../../runtime/disputes/endDispute.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { openDemand } from "../../watcher/demandTrace.ts";
import { openInside, openRefutation } from "../../watcher/openRefutation.ts";
import { verifyCommitment, type Opinion } from "../../watcher/verifyCommitment.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { digits, openModel, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, commitTo, createWatcherParts, demandBudget, lastDispute, playOut, type Committed, type WatcherParts } from "./support/players.ts";

const signal = new AbortController().signal;
/** The first convolution's result, and an element of it. */
const LIE = { step: 1, element: 300 };
const how = parseMisbehaviour(`step=${LIE.step}/${LIE.element}`);

// One block: only the output is posted.
describe("a lie inside of a block, by an executor that serves what it likes", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let honest: Trace;
  let lying: Trace;
  let lyingInner: CommittedTensor[];
  let honestInner: CommittedTensor[];
  let watcher: WatcherParts;
  let jobId: bigint;
  let rewind: () => Promise<void>;

  beforeAll(async () => {
    arena = await createArena();
    opened = await openModel(digits, undefined, "block");
    const executor: LoadedProgram = await opened.load({ optimization: "all" });
    honest = await executor.execute(opened.inputs);
    lying = await lieInside(executor, honest, how, opened.hasher);
    lyingInner = (await expandLying(executor, lying, 0, how, opened.hasher)).tensors;
    honestInner = (await executor.expand(0, { inputs: opened.inputs, tensors: honest.tensors.map(({ bytes }) => bytes) })).tensors;
    watcher = await createWatcherParts(arena, opened, opened.programs({ optimization: "all" }));
    jobId = await claimedJob(arena, opened);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    await watcher?.close();
    await opened?.close();
    await arena?.close();
  });

  const committedLie = async (served: { trace: boolean; inner?: readonly CommittedTensor[] }): Promise<Committed> => {
    await rewind();
    const job = await commitTo(arena, jobId, opened, lying);
    watcher.serve(served.trace ? lying : undefined);
    watcher.serveInner(served.inner === undefined ? undefined : () => served.inner);
    await watcher.dependencies.cases.remove(job.id, job.attempt);
    await watcher.dependencies.traces.prune([`posted/${job.id}/${job.attempt}`]);
    return job;
  };
  const opinionOf = (job: Committed): Promise<Opinion> => verifyCommitment(job, watcher.dependencies, signal, 2 ** -16);
  const disputeFraud = async (job: Committed): Promise<bigint> => {
    const opinion = await opinionOf(job);
    if (opinion.kind !== "fraud") throw new Error(`the opinion is ${opinion.kind}`);
    await openRefutation(job, opinion, arena.sender("watcher"), watcher.dependencies, signal);
    return lastDispute(arena);
  };
  const kindsOf = async (disputeId: bigint): Promise<string[]> => (await readDisputeMoves(arena.chain, disputeId)).map(({ kind }) => kind);
  const expectConviction = async (job: Committed, disputeId: bigint): Promise<void> => {
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect(await isBarred(arena.chain, job.id, arena.addresses.executor)).toBe(true);
  };

  it("is convicted with what it has served, once it has committed to that", async () => {
    const job = await committedLie({ trace: true, inner: lyingInner });
    const disputeId = await disputeFraud(job);
    await playOut(arena, job, disputeId, lying, watcher, () => lyingInner);
    await expectConviction(job, disputeId);
    expect(await kindsOf(disputeId)).toEqual(["open", "block", "expand", "seal", "refute", "end"]);
    expect((await readDisputeMoves(arena.chain, disputeId)).find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: LIE.step, element: LIE.element });
  });

  it("is convicted by what it has committed to where the stored refutation is damaged before a seal of it is on chain", async () => {
    const job = await committedLie({ trace: true, inner: lyingInner });
    const disputeId = await disputeFraud(job);
    await writeFile(path.join(watcher.home, "cases", `${job.id}-${job.attempt}.json`), '{"jobId":');
    await playOut(arena, job, disputeId, lying, watcher, () => lyingInner);
    await expectConviction(job, disputeId);
    expect(await kindsOf(disputeId)).toEqual(["open", "block", "expand", "seal", "refute", "end"]);
  });

  it("is convicted if it commits to another inner trace than it has served, by what is wrong with that one", async () => {
    const job = await committedLie({ trace: true, inner: lyingInner });
    const disputeId = await disputeFraud(job);
    watcher.serveInner(() => honestInner);
    await playOut(arena, job, disputeId, lying, watcher, () => honestInner);
    await expectConviction(job, disputeId);
    // From an honest inside the lying output does not follow.
    expect((await readDisputeMoves(arena.chain, disputeId)).find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: opened.bundle.program.trace[0]!.step });
  });

  it("is convicted by bisection if it commits to another inner trace than it has served and withholds that", async () => {
    const job = await committedLie({ trace: true, inner: honestInner });
    const disputeId = await disputeFraud(job);
    watcher.serveInner(undefined);
    await playOut(arena, job, disputeId, lying, watcher, () => lyingInner);
    await expectConviction(job, disputeId);
    expect(await kindsOf(disputeId)).toEqual(expect.arrayContaining(["descend", "tensor", "chunk", "seal", "refute"]));
    expect((await readDisputeMoves(arena.chain, disputeId)).find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: LIE.step, element: LIE.element });
  });

  it("is convicted by bisection if it serves the posted trace and nothing of the inside", async () => {
    const job = await committedLie({ trace: true });
    const opinion = await opinionOf(job);
    expect(opinion).toMatchObject({ kind: "withheld", reason: "INNER_TRACE_UNAVAILABLE", inside: { blockIndex: 0 } });
    if (opinion.kind !== "withheld" || opinion.inside === undefined) return;
    await openInside(job, opinion.inside, arena.sender("watcher"), watcher.dependencies, signal);
    const disputeId = await lastDispute(arena);
    await playOut(arena, job, disputeId, lying, watcher, () => lyingInner);
    await expectConviction(job, disputeId);
    expect(await kindsOf(disputeId)).toEqual(expect.arrayContaining(["expand", "descend", "refute"]));
  });

  it("is convicted by bisection if the border does not follow from an honest inside that is withheld", async () => {
    const job = await committedLie({ trace: true });
    const opinion = await opinionOf(job);
    if (opinion.kind !== "withheld" || opinion.inside === undefined) throw new Error(`the opinion is ${opinion.kind}`);
    await openInside(job, opinion.inside, arena.sender("watcher"), watcher.dependencies, signal);
    const disputeId = await lastDispute(arena);
    await playOut(arena, job, disputeId, lying, watcher, () => honestInner);
    await expectConviction(job, disputeId);
    expect((await readDisputeMoves(arena.chain, disputeId)).find(({ kind }) => kind === "tensor")).toMatchObject({ source: 2, tensor: 0 });
  });

  it("is convicted by its clock if it does not expand the block", async () => {
    const job = await committedLie({ trace: true, inner: lyingInner });
    const disputeId = await disputeFraud(job);
    const waiting = await getDispute(arena.chain, disputeId);
    expect(waiting).toMatchObject({ phase: "expand", position: { blockIndex: 0, innerCount: lyingInner.length } });
    await arena.pass(waiting.deadline - (await arena.chain.head()).timestamp + 1);
    await endDispute(arena.sender("stranger"), waiting);
    await expectConviction(job, disputeId);
  });

  it("is walked back to by demands, each answered from the expanded block", async () => {
    const job = await committedLie({ trace: false });
    await openDemand(job, arena.sender("watcher"), demandBudget, watcher.dependencies, signal);
    const disputeId = await getDisputeCount(arena.chain);
    await playOut(arena, job, disputeId, lying, watcher, () => lyingInner);
    await expectConviction(job, disputeId);
    const moves = await readDisputeMoves(arena.chain, disputeId);
    expect(moves.filter(({ kind }) => kind === "expand")).toHaveLength(1);
    expect(moves.findLast(({ kind }) => kind === "demand")).toMatchObject({ stepIndex: LIE.step, element: LIE.element });
  });

  it("leaves no trace of itself in an inner root", () => {
    expect(innerRootOf(lyingInner)).not.toBe(innerRootOf(honestInner));
    expect(lying.traceRoot).not.toBe(honest.traceRoot);
  });
});
