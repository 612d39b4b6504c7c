import { challengerMove } from "../protocol/dispute/challengerMove.ts";
import { disputedChunk, refutationFromBisection, stepsTree } from "../protocol/dispute/refutation.ts";
import { replay, type RecordedMove } from "../protocol/dispute/replay.ts";
import { GainsayError } from "../protocol/errors.ts";
import { fromHex, type Hex } from "../protocol/hex.ts";
import { decodeWitness, encodeStep } from "../protocol/program/codec.ts";
import type { Step } from "../protocol/program/types.ts";
import { pathProof } from "../protocol/trees/merkle.ts";
import { chooseNode, chooseTensor } from "../runtime/chain/calls/chooseNode.ts";
import { refute } from "../runtime/chain/calls/refute.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { readDisputeMoves, type DisputeMove } from "../runtime/chain/reads/readDisputeMoves.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { gameOf, isMoveAlreadyMade } from "../runtime/disputes/game.ts";
import { describeFinding, judgeElements } from "../runtime/verification/checkTrace.ts";
import { continueDemand } from "./demandTrace.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { dryRun } from "./openRefutation.ts";
import type { DemandBudget } from "./options.ts";
import { ownExecution, type OwnExecution } from "./ownTrace.ts";

const NO_SALT: Hex = `0x${"00".repeat(32)}`;

/**
 * Makes the challenger's move of one of the watcher's own disputes, whichever it is. A move made already is a success.
 * Resolves to `lost` if there is no move that could win and never will be.
 */
export async function playDispute(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, budget: DemandBudget, signal: AbortSignal): Promise<"played" | "lost"> {
  try {
    if (dispute.phase === "sealed") await showRefutation(dispute, sender, dependencies, signal);
    else if (dispute.phase === "choose") await choose(job, dispute, sender, dependencies, signal);
    else if (dispute.phase === "demand") await continueDemand(job, dispute, sender, budget, dependencies, signal);
    else if (dispute.phase === "refute") return await refuteChunk(job, dispute, sender, dependencies, signal);
  } catch (error) {
    if (!isMoveAlreadyMade(error)) throw error;
  }
  return "played";
}

async function showRefutation(dispute: Dispute, sender: Sender, { cases, logger }: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const entry = dispute.seal === undefined ? undefined : await cases.findBySeal(dispute.seal);
  if (entry === undefined) throw new GainsayError("The refutation behind an own sealed dispute is not in the data folder; restore it before the clock runs out.", { code: "CASE_MISSING", details: { disputeId: dispute.id } });
  const receipt = await refute(sender, dispute.id, entry.salt, decodeWitness(entry.witness), { signal });
  logger.info({ disputeId: dispute.id, jobId: dispute.jobId, step: entry.stepIndex, element: entry.element, gas: receipt.gasUsed, transaction: receipt.transactionHash }, "executor convicted");
}

async function choose(job: Job, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const { loaded, trace } = await ownExecution(job, dependencies, signal);
  const moves = await readDisputeMoves(sender.chain, dispute.id);
  const reveal = moves.findLast((move) => move.kind === "reveal");
  if (reveal === undefined) return;
  const move = challengerMove(gameOf(dispute), reveal.children.map(fromHex), loaded.program, trace.tensors);
  if (move === undefined) return;
  if (move.kind === "choose") {
    await chooseNode(sender, dispute.id, dispute.turn, move, { signal });
  } else {
    const step = encodeStep(loaded.program.steps[move.stepIndex] as Step);
    await chooseTensor(sender, dispute.id, dispute.turn, move, { stepIndex: move.stepIndex, step, stepProof: pathProof(stepsTree(loaded.program), move.stepIndex) }, { signal });
  }
  dependencies.logger.info({ disputeId: dispute.id, turn: dispute.turn, move: move.kind, child: move.index }, "chose a node of the bisection");
}

async function refuteChunk(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<"played" | "lost"> {
  const own = await ownExecution(job, dependencies, signal);
  const { program } = own.loaded;
  const shown = replay(program.trace.length, (await readDisputeMoves(sender.chain, dispute.id)).flatMap(recorded));
  const { stepIndex } = dispute.position;
  const chunk = disputedChunk(program, own.tensors, shown, stepIndex);
  const elements = Array.from({ length: chunk.count }, (_, i) => chunk.first + i);
  const { finding } = await judgeElements(program, stepIndex, elements, chunk.tensors, signal);
  if (finding === undefined) {
    noFraud(dispute, own, dependencies);
    return "lost";
  }
  dependencies.logger.warn({ jobId: job.id, disputeId: dispute.id, ...describeFinding(finding) }, "fraud found in the revealed chunk");
  const witness = refutationFromBisection(program, own.tensors, shown, stepIndex, finding.element);
  await dryRun(sender.chain, job, witness);
  const receipt = await refute(sender, dispute.id, NO_SALT, witness, { signal });
  dependencies.logger.info({ disputeId: dispute.id, jobId: job.id, step: stepIndex, element: finding.element, gas: receipt.gasUsed, transaction: receipt.transactionHash }, "executor convicted");
  return "played";
}

function noFraud(dispute: Dispute, own: OwnExecution, { logger }: WatcherDependencies): void {
  logger.error({ disputeId: dispute.id, program: own.trace.programRoot }, "the disputed chunk is sound: the executor's floats differ within their bounds, and this bond will be lost");
}

function recorded(move: DisputeMove): RecordedMove[] {
  switch (move.kind) {
    case "reveal":
      return [{ kind: "reveal", children: move.children.map(fromHex) }];
    case "choose":
      return [{ kind: "choose", index: move.index }];
    case "tensor":
      return [{ kind: "tensor", tensor: move.tensor, byteLength: move.byteLength }];
    case "chunk":
      return [{ kind: "chunk", chunk: move.chunk, data: move.data }];
    default:
      return [];
  }
}
