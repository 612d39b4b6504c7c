import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromHex, toHex, type Hex } from "../../protocol/hex.ts";
import { listRootFromTop, listRootOf } from "../../protocol/trees/listTree.ts";
import { nodeAt, topFromRange } from "../../protocol/trees/merkle.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { CHUNK_BYTES, tensorLeaves, tensorRoot } from "../../protocol/trees/tensorTree.ts";
import { traceTree } from "../../protocol/dispute/defenderMove.ts";
import { commitJob } from "../../runtime/chain/calls/commitJob.ts";
import { getDispute } from "../../runtime/chain/reads/getDispute.ts";
import { getStakeAccount } from "../../runtime/chain/reads/getStakeAccount.ts";
import { endDispute } from "../../runtime/disputes/endDispute.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Trace } from "../../runtime/inference/trace.ts";
import { verifyCommitment } from "../../watcher/verifyCommitment.ts";
import { createArena, type Arena } from "./support/createArena.ts";
import { digits, openModel, type OpenedModel } from "./support/openModel.ts";
import { claimedJob, collateral, commitTo, committed, createWatcherParts, openBisection, playOut, type Committed, type WatcherParts } from "./support/players.ts";

const refusedByContract = { code: "CONTRACT_REVERTED", details: { name: "WrongChildren" } };
const signal = new AbortController().signal;

describe("a commitment to what is no trace", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let honest: Trace;
  let watcher: WatcherParts;
  let jobId: bigint;
  let rewind: () => Promise<void>;

  beforeAll(async () => {
    arena = await createArena();
    opened = await openModel(digits);
    honest = await (await opened.load()).execute(opened.inputs);
    watcher = await createWatcherParts(arena, opened, opened.programs());
    jobId = await claimedJob(arena, opened);
    rewind = await arena.checkpoint();
  });
  afterAll(async () => {
    await watcher.close();
    await opened.close();
    await arena.close();
  });

  const withTensors = (change: (tensor: CommittedTensor, index: number) => CommittedTensor): Trace => {
    const tensors = honest.tensors.map(change);
    return { ...honest, tensors, traceRoot: listRootOf("trace", tensors.map(({ root }) => root)), outputRoot: listRootOf("outputs", honest.outputs.map((index) => (tensors[index] as CommittedTensor).root)) };
  };

  /** The defender has no move that the contract takes, so its clock convicts it. */
  const expectNoDefence = async (job: Committed, trace: Trace, refusal: object, moves: { phase: string; tensor: number }): Promise<void> => {
    const disputeId = await openBisection(arena, job);
    await expect(playOut(arena, job, disputeId, trace, watcher)).rejects.toMatchObject(refusal);
    const dispute = await getDispute(arena.chain, disputeId);
    expect(dispute).toMatchObject({ phase: moves.phase, position: { tensor: moves.tensor } });
    await arena.pass(dispute.deadline - (await arena.chain.head()).timestamp + 1);
    await endDispute(arena.sender("watcher"), dispute);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect(await getStakeAccount(arena.chain, arena.addresses.executor)).toMatchObject({ free: 2n * collateral, locked: 0n });
  };

  it.each([0, 3, 5])("a random tensor root at position %i is convicted by the clock", async (position) => {
    await rewind();
    const garbage = withTensors((tensor, i) => (i === position ? { ...tensor, root: toHex(sha256(new Uint8Array([position, 1, 2, 3]))) } : tensor));
    const job = await commitTo(arena, jobId, opened, garbage);
    watcher.serve({ ...garbage, tensors: garbage.tensors.filter((_, i) => i !== position) });
    expect(await verifyCommitment(job, watcher.dependencies, signal)).toMatchObject({ kind: "withheld" });
    await expectNoDefence(job, garbage, refusedByContract, { phase: "reveal", tensor: position });
  });

  it("a trace root of which nobody knows the leaves is convicted at the first reveal", async () => {
    await rewind();
    const output = honest.outputs[0] as number;
    const { root } = honest.tensors[output] as CommittedTensor;
    const count = honest.tensors.length;
    const path = Array.from({ length: traceTree(honest.tensors).depth }, (_, i) => sha256(new Uint8Array([i, 9])));
    const traceRoot = toHex(listRootFromTop("trace", count, topFromRange(count, output, [fromHex(root)], path)));
    await commitJob(arena.sender("executor"), jobId, { header: opened.bundle.program.header, traceRoot, outputRoots: [root], proofs: [path] });
    const job = await committed(arena, jobId);
    watcher.serve(undefined);
    expect(await verifyCommitment(job, watcher.dependencies, signal)).toEqual({ kind: "withheld", reason: "BLOB_NOT_FOUND", answered: true });
    await expectNoDefence(job, honest, refusedByContract, { phase: "reveal", tensor: 0 });
  });

  it.each<[string, number, (bytes: Uint8Array) => Uint8Array]>([
    ["a chunk more", 2, (bytes) => new Uint8Array(Buffer.concat([bytes, new Uint8Array(CHUNK_BYTES)]))],
    ["an element more", 5, (bytes) => new Uint8Array(Buffer.concat([bytes, new Uint8Array(4)]))],
    ["an element less", 1, (bytes) => bytes.slice(0, -4)],
    ["a single byte and no more", 0, () => new Uint8Array(1)],
  ])("a tensor with %s, other than the program says, is convicted by the clock, though it is served", async (_, position, change) => {
    await rewind();
    const trace = withTensors((tensor, i) => {
      if (i !== position) return tensor;
      const bytes = change(tensor.bytes);
      return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
    });
    const job = await commitTo(arena, jobId, opened, trace);
    watcher.serve(trace);
    expect(await verifyCommitment(job, watcher.dependencies, signal)).toEqual({ kind: "withheld", reason: expect.stringContaining("TRACE_UNFIT"), answered: true });
    await expectNoDefence(job, trace, { code: "TRACE_NOT_DISPUTED" }, { phase: "reveal", tensor: position });
  });

  it("outputs that are not in the trace are not taken", async () => {
    await rewind();
    const tree = traceTree(honest.tensors);
    const wrong: Hex = (honest.tensors[0] as CommittedTensor).root;
    const proof = Array.from({ length: tree.depth }, (_, height) => nodeAt(tree, height, height === 0 ? 4 : 0));
    await expect(commitJob(arena.sender("executor"), jobId, { header: opened.bundle.program.header, traceRoot: honest.traceRoot, outputRoots: [wrong], proofs: [proof] })).rejects.toMatchObject({ code: "CONTRACT_REVERTED" });
  });
});
