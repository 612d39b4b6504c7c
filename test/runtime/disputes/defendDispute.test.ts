import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { getDispute } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { openDispute } from "../../../runtime/chain/calls/openDispute.ts";
import { refute } from "../../../runtime/chain/calls/refute.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { isRevert } from "../../../runtime/chain/revertError.ts";
import { defendDispute, isDefendersTurn } from "../../../runtime/disputes/defendDispute.ts";
import { endDispute, reclaimBond } from "../../../runtime/disputes/endDispute.ts";
import { gameOf, isMoveAlreadyMade } from "../../../runtime/disputes/game.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { refutationFromTrace } from "../../../protocol/dispute/refutation.ts";
import { sealOf } from "../../../protocol/program/sealOf.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { createArena, type Arena } from "../../e2e/support/createArena.ts";
import { lie, seeded, type LyingTrace } from "../../e2e/support/lies.ts";
import { digits, openModel, type OpenedModel } from "../../e2e/support/openModel.ts";
import { claimedJob, commitTo, createWatcherParts, openBisection, playOut, type Committed, type WatcherParts } from "../../e2e/support/players.ts";

const salt = `0x${"5a".repeat(32)}` as const;

describe("the players' moves on the chain", () => {
  let arena: Arena;
  let opened: OpenedModel;
  let loaded: LoadedProgram;
  let honest: Trace;
  let lying: LyingTrace;
  let watcher: WatcherParts;
  let job: Committed;
  let rewind: () => Promise<void>;

  beforeAll(async () => {
    arena = await createArena();
    opened = await openModel(digits);
    loaded = await opened.load();
    honest = await loaded.execute(opened.inputs);
    lying = await lie(loaded, honest, { step: 3, place: "random", change: "nan" }, opened.hasher, seeded(5));
    watcher = await createWatcherParts(arena, opened, opened.programs());
    job = await commitTo(arena, await claimedJob(arena, opened), opened, lying.trace);
    rewind = await arena.checkpoint();
  });
  beforeEach(() => rewind());
  afterAll(async () => {
    await watcher.close();
    await opened.close();
    await arena.close();
  });

  it("anybody may defend, and a move that somebody else has made is a success", async () => {
    const disputeId = await openBisection(arena, job);
    const dispute = await getDispute(arena.chain, disputeId);
    expect(isDefendersTurn(dispute)).toBe(true);
    expect(await defendDispute(arena.sender("stranger"), dispute, job.digest, { trace: lying.trace.tensors })).toMatch(/^0x[0-9a-f]{64}$/);
    expect(await defendDispute(arena.sender("executor"), dispute, job.digest, { trace: lying.trace.tensors })).toBeUndefined();
    const next = await getDispute(arena.chain, disputeId);
    expect(next).toMatchObject({ phase: "choose", turn: 1 });
    expect(isDefendersTurn(next)).toBe(false);
    expect(await defendDispute(arena.sender("executor"), next, job.digest, { trace: lying.trace.tensors })).toBeUndefined();
  });

  it("defends no other trace than the committed one, and does not hide the contract's refusal", async () => {
    const dispute = await getDispute(arena.chain, await openBisection(arena, job));
    await expect(defendDispute(arena.sender("executor"), dispute, job.digest, { trace: honest.tensors })).rejects.toMatchObject({ code: "CONTRACT_REVERTED", details: { name: "WrongChildren" } });
    await expect(defendDispute(arena.sender("executor"), { ...dispute, phase: "revealChunk", position: { ...dispute.position, tensor: 6 } }, job.digest, { trace: lying.trace.tensors })).rejects.toMatchObject({ code: "TRACE_NOT_DISPUTED" });
  });

  it("only the challenger chooses and refutes", async () => {
    const disputeId = await openBisection(arena, job);
    const witness = refutationFromTrace(loaded.program, { inputs: lying.trace.inputs, trace: lying.trace.tensors, weight: await loaded.weights() }, 3, lying.element);
    await expect(refute(arena.sender("watcher"), disputeId, salt, witness)).rejects.toMatchObject({ details: { name: "WrongPhase" } });
    await expect(refute(arena.sender("stranger"), disputeId, salt, witness)).rejects.toMatchObject({ details: { name: "NotChallenger" } });
  });

  it("a seal binds its sender, its salt and its witness", async () => {
    const by = arena.sender("watcher");
    const { rules } = await getParameters(arena.chain);
    const tensors = { inputs: lying.trace.inputs, trace: lying.trace.tensors, weight: await loaded.weights() };
    const witness = refutationFromTrace(loaded.program, tensors, 3, lying.element);
    const { disputeId } = await openDispute(by, { jobId: job.id, digest: job.digest, seal: sealOf(by.address, salt, witness), bond: rules.bond });
    const { disputeId: copied } = await openDispute(arena.sender("stranger"), { jobId: job.id, digest: job.digest, seal: sealOf(by.address, salt, witness), bond: rules.bond });
    await arena.pass(2);
    await expect(refute(by, disputeId, `0x${"5b".repeat(32)}`, witness)).rejects.toMatchObject({ details: { name: "WrongSeal" } });
    await expect(refute(by, disputeId, salt, { ...witness, element: lying.element + 1 })).rejects.toMatchObject({ details: { name: "WrongSeal" } });
    // Whoever copied the seal cannot use the witness behind it.
    await expect(refute(arena.sender("stranger"), copied, salt, witness)).rejects.toMatchObject({ details: { name: "WrongSeal" } });
    await refute(by, disputeId, salt, witness);
    expect(await getDispute(arena.chain, disputeId)).toMatchObject({ outcome: "challengerWon" });
    const late = await getDispute(arena.chain, copied);
    await expect(refute(arena.sender("stranger"), copied, salt, witness)).rejects.toSatisfy(isMoveAlreadyMade);
    await reclaimBond(arena.sender("stranger"), late);
    await reclaimBond(arena.sender("stranger"), late);
    expect(await getDispute(arena.chain, copied)).toMatchObject({ phase: "ended", outcome: "void" });
    expect((await getStakeAccount(arena.chain, arena.addresses.stranger)).credits).toBe(rules.bond);
  });

  it("ends a dispute no second too early, and does not mind that it has ended", async () => {
    const dispute = await getDispute(arena.chain, await openBisection(arena, job));
    await arena.pass(dispute.deadline - (await arena.chain.head()).timestamp);
    await endDispute(arena.sender("stranger"), dispute);
    expect((await getDispute(arena.chain, dispute.id)).phase).toBe("reveal");
    await arena.pass(1);
    await endDispute(arena.sender("stranger"), dispute);
    expect(await getDispute(arena.chain, dispute.id)).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    await endDispute(arena.sender("stranger"), dispute);
    expect(await defendDispute(arena.sender("executor"), dispute, job.digest, { trace: lying.trace.tensors })).toBeUndefined();
    expect(await getJob(arena.chain, job.id)).toMatchObject({ status: "open" });
  });

  it("a bond is not reclaimed while the commitment stands", async () => {
    const dispute = await getDispute(arena.chain, await openBisection(arena, job));
    await reclaimBond(arena.sender("watcher"), dispute);
    expect((await getDispute(arena.chain, dispute.id)).phase).toBe("reveal");
  });

  it("a move after the clock ran out is refused, and the refusal is not taken for a move made", async () => {
    const dispute = await getDispute(arena.chain, await openBisection(arena, job));
    await arena.pass(dispute.deadline - (await arena.chain.head()).timestamp + 1);
    const error: unknown = await defendDispute(arena.sender("executor"), dispute, job.digest, { trace: lying.trace.tensors }).catch((reason: unknown) => reason);
    expect(isRevert(error, "ClockRanOut")).toBe(true);
    expect(isMoveAlreadyMade(error)).toBe(false);
  });

  it("a dispute that nobody opened is over for the players", () => {
    const position = { node: salt, atRoot: true, levels: 3, index: 0, tensor: 0, stepIndex: 0, byteLength: 0, leaves: 6 };
    expect(gameOf({ phase: "none", position } as Parameters<typeof gameOf>[0])).toMatchObject({ phase: "ended" });
  });

  it("plays a whole game with moves of several defenders", async () => {
    const disputeId = await openBisection(arena, job);
    const { dispute, moves } = await playOut(arena, job, disputeId, lying.trace, watcher);
    expect(dispute).toMatchObject({ phase: "ended", outcome: "challengerWon" });
    expect(moves).toBeGreaterThan(4);
  });
});
