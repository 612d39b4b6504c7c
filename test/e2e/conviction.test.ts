import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getJob, isBarred } from "../../runtime/chain/reads/getJob.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import type { LoadedProgram } from "../../runtime/programs/loadedProgram.ts";
import { openRefutation } from "../../watcher/openRefutation.ts";
import { verifyCommitment } from "../../watcher/verifyCommitment.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { changes, lie, places, seeded, type Lie, type LyingTrace } from "./support/lies.ts";
import { digits, openModel, realMnist, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, collateral, commitTo, createWatcherParts, lastDispute, openBisection, playOut, type Committed, type WatcherParts } from "./support/players.ts";

/** `GAINSAY_E2E=all` bisects every lie, both with and without consequences in later steps; else each place and each change in turn. */
const thorough = process.env["GAINSAY_E2E"] === "all";
const signal = new AbortController().signal;

/** Every step × place × change. */
function liesOf(steps: number): Lie[] {
  return Array.from({ length: steps }, (_, step) => places.flatMap((place) => changes.map((change) => ({ step, place, change })))).flat();
}

describe.each([digits, realMnist].map((model) => ({ ...model, steps: model.name === "digits" ? 6 : 5 })))("one wrong element of the $name model", ({ steps, ...model }) => {
  let arena: Arena;
  let opened: OpenedModel;
  let honest: Trace;
  let loaded: LoadedProgram;
  let watcher: WatcherParts;
  let jobId: bigint;
  let rewind: () => Promise<void>;
  const told = new Map<string, LyingTrace>();

  beforeAll(async () => {
    if (!model.present) return;
    arena = await createArena();
    opened = await openModel(model);
    loaded = await opened.load();
    honest = await loaded.execute(opened.inputs);
    watcher = await createWatcherParts(arena, opened, opened.programs());
    jobId = await claimedJob(arena, opened);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    await watcher?.close();
    await opened?.close();
    await arena?.close();
  });

  const tell = async (what: Lie, consistent = false): Promise<LyingTrace> => {
    const key = JSON.stringify([what, consistent]);
    const lying = told.get(key) ?? (await lie(loaded, honest, what, opened.hasher, seeded(what.step * 7 + 1), consistent));
    told.set(key, lying);
    return lying;
  };

  const expectConviction = async (job: Committed, disputeId: bigint, lying: LyingTrace, step: number): Promise<void> => {
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect(await getJob(arena.chain, job.id)).toMatchObject({ status: "open", executor: undefined, openDisputes: 0 });
    expect(await isBarred(arena.chain, job.id, arena.addresses.executor)).toBe(true);
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 2n * collateral, locked: 0n });
    const moves = await readDisputeMoves(arena.chain, disputeId);
    expect(moves.find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: step, element: lying.element, verdict: { fraud: true } });
  };

  it.skipIf(!model.present)("has as many steps as the matrix", () => {
    expect(opened.bundle.program.steps.length).toBe(steps);
  });

  it.skipIf(!model.present).each(liesOf(steps))("step $step, $place element, $change: found, sealed, refuted", async (what) => {
    await rewind();
    const lying = await tell(what);
    const job = await commitTo(arena, jobId, opened, lying.trace);
    watcher.serve(lying.trace);
    const opinion = await verifyCommitment(job, watcher.dependencies, signal);
    expect(opinion).toMatchObject({ kind: "fraud", finding: { stepIndex: what.step, element: lying.element } });
    if (opinion.kind !== "fraud") return;
    await watcher.dependencies.cases.remove(job.id, job.attempt);
    await openRefutation(job, opinion, arena.sender("watcher"), watcher.dependencies, signal);
    const disputeId = await lastDispute(arena);
    const { moves } = await playOut(arena, job, disputeId, lying.trace, watcher);
    expect(moves).toBe(1);
    await expectConviction(job, disputeId, lying, what.step);
  });

  const bisected = liesOf(steps)
    .flatMap((what) => [{ ...what, consistent: false }, { ...what, consistent: true }])
    .filter(({ step, place, change, consistent }) => thorough || (place === places[step % places.length] && consistent === (change === changes[step % changes.length])));
  it.skipIf(!model.present).each(bisected)(
    "step $step, $place element, $change, trace withheld (all later steps follow from it: $consistent): bisected to the element",
    async ({ consistent, ...what }) => {
      await rewind();
      const lying = await tell(what, consistent);
      const job = await commitTo(arena, jobId, opened, lying.trace);
      watcher.serve(undefined);
      expect(await verifyCommitment(job, watcher.dependencies, signal)).toEqual({ kind: "withheld", reason: "BLOB_NOT_FOUND", answered: true });
      const disputeId = await openBisection(arena, job);
      const { moves } = await playOut(arena, job, disputeId, lying.trace, watcher);
      expect(moves).toBeGreaterThanOrEqual(5);
      await expectConviction(job, disputeId, lying, what.step);
    },
  );
});

