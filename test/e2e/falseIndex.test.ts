import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { readDisputeMoves } from "../../runtime/chain/reads/readDisputeMoves.ts";
import { commitTensors, commitTrace } from "../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import { openInside, openRefutation } from "../../watcher/openRefutation.ts";
import { verifyCommitment, type Opinion } from "../../watcher/verifyCommitment.ts";
import { hiddenGatherModel } from "../support/gatherModel.ts";
import { noise } from "../support/onnxBuilder.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { openModel, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, commitTo, createWatcherParts, lastDispute, playOut, type Committed, type WatcherParts } from "./support/players.ts";

const signal = new AbortController().signal;
const FAR = 1000n;

describe.each<Granularity>(["layer", "block"])("an index out of range, granularity %s, by an executor that serves it", (granularity) => {
  let folder: string;
  let arena: Arena;
  let opened: OpenedModel;
  let watcher: WatcherParts;
  let lying: Trace;
  let inner: CommittedTensor[] | undefined;
  let lieStep: number;
  let jobId: bigint;
  let rewind: () => Promise<void>;

  const changed = (tensors: readonly CommittedTensor[], names: readonly string[]): Uint8Array[] =>
    tensors.map(({ bytes }, i) => {
      if (names[i] === "best") return new Uint8Array(new BigInt64Array(bytes.length / 8).fill(FAR).buffer);
      return names[i] === "rows" || names[i] === "y" ? new Uint8Array(new Float32Array(bytes.length / 4).fill(42).buffer) : bytes;
    });

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "gainsay-index-"));
    const file = path.join(folder, "model.onnx");
    await writeFile(file, hiddenGatherModel());
    arena = await createArena();
    const inputs = [new Uint8Array(noise(24, 7).slice().buffer)];
    opened = await openModel({ name: "gather", file, input: "", present: true }, inputs, granularity);
    const { program } = opened.bundle;
    const executor = await opened.load();
    const honest = await executor.execute(inputs);
    lying = await commitTrace(program, honest.inputs, changed(honest.tensors, program.trace.map(({ name }) => name)), opened.hasher);
    if (granularity === "block") inner = await commitTensors(changed((await executor.expand(0, { inputs, tensors: honest.tensors.map(({ bytes }) => bytes) })).tensors, program.inner.map(({ name }) => name)), opened.hasher);
    lieStep = [...program.trace, ...program.inner].find(({ name }) => name === "best")!.step;
    watcher = await createWatcherParts(arena, opened, opened.programs());
    jobId = await claimedJob(arena, opened);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    await watcher?.close();
    await opened?.close();
    await arena?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const judged = async (served: readonly CommittedTensor[] | undefined): Promise<{ job: Committed; opinion: Opinion }> => {
    await rewind();
    const job = await commitTo(arena, jobId, opened, lying);
    await watcher.dependencies.cases.remove(job.id, job.attempt);
    watcher.serve(lying);
    watcher.serveInner(served === undefined ? undefined : () => served);
    return { job, opinion: await verifyCommitment(job, watcher.dependencies, signal, 2 ** -16) };
  };
  const expectConviction = async (job: Committed): Promise<void> => {
    const disputeId = await lastDispute(arena);
    await playOut(arena, job, disputeId, lying, watcher, () => inner ?? []);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect((await readDisputeMoves(arena.chain, disputeId)).find(({ kind }) => kind === "refute")).toMatchObject({ stepIndex: lieStep });
  };

  it("is found and convicted", async () => {
    const { job, opinion } = await judged(inner);
    expect(opinion).toMatchObject({ kind: "fraud", finding: { stepIndex: lieStep, claimed: Number(FAR) } });
    if (opinion.kind !== "fraud") return;
    await openRefutation(job, opinion, arena.sender("watcher"), watcher.dependencies, signal);
    await expectConviction(job);
  });

  it.runIf(granularity === "block").each([["served once it is committed to", true], ["never served", false]])("is convicted where the inside is %s", async (_, later) => {
    const { job, opinion } = await judged(undefined);
    if (opinion.kind !== "withheld" || opinion.inside === undefined) throw new Error(`the opinion is ${opinion.kind}`);
    await openInside(job, opinion.inside, arena.sender("watcher"), watcher.dependencies, signal);
    if (later) watcher.serveInner(() => inner ?? []);
    await expectConviction(job);
  });
});
