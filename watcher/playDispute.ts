import { challengerMove } from "../protocol/dispute/challengerMove.ts";
import { proveBlock } from "../protocol/dispute/proveBlock.ts";
import { disputedChunk, refutationFromBisection, refutationFromTrace, stepsTree } from "../protocol/dispute/refutation.ts";
import { replay, type RecordedMove } from "../protocol/dispute/replay.ts";
import type { ExecutionTensors } from "../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../protocol/errors.ts";
import { fromHex, type Hex } from "../protocol/hex.ts";
import { encodeStep } from "../protocol/program/codec.ts";
import { decodeWitness } from "../protocol/program/decode.ts";
import type { Step } from "../protocol/program/types.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import { pathProof } from "../protocol/trees/merkle.ts";
import { chooseBlock, chooseNode, chooseTensor, type NamedStep } from "../runtime/chain/calls/chooseNode.ts";
import { chooseBorder, descendBlock } from "../runtime/chain/calls/descendBlock.ts";
import { refute } from "../runtime/chain/calls/refute.ts";
import { sealRefutation } from "../runtime/chain/calls/sealRefutation.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { readDisputeMoves, type DisputeMove } from "../runtime/chain/reads/readDisputeMoves.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { gameOf, isMoveAlreadyMade } from "../runtime/disputes/game.ts";
import { commitTensors } from "../runtime/inference/commitTrace.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import { fetchInner } from "../runtime/serving/fetchInner.ts";
import { checkBlock, describeFinding, judgeElements } from "../runtime/verification/checkTrace.ts";
import { continueDemand } from "./demandTrace.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import type { Case } from "./createCaseStore.ts";
import { dryRun, sealed, unsealedCase } from "./openRefutation.ts";
import { postedKey } from "./postedTrace.ts";
import type { DemandBudget } from "./options.ts";
import { ownExecution, withInner, type OwnExecution } from "./ownTrace.ts";

/**
 * Makes the challenger's move of one of the watcher's own disputes, whichever it is. A move made already is a success.
 * Resolves to `lost` if there is no move that could win and never will be.
 */
export async function playDispute(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, budget: DemandBudget, signal: AbortSignal): Promise<"played" | "lost"> {
  try {
    if (dispute.phase === "sealed") await showRefutation(dispute, sender, dependencies, signal);
    else if (dispute.phase === "expanded") await lookInside(job, dispute, sender, dependencies, signal);
    else if (dispute.phase === "choose") await choose(job, dispute, sender, dependencies, signal);
    else if (dispute.phase === "demand") await continueDemand(job, dispute, sender, budget, dependencies, signal);
    else if (dispute.phase === "refute") return await refuteChunk(job, dispute, sender, dependencies, signal);
  } catch (error) {
    // A seal that is too young is shown at a later head.
    if (!isMoveAlreadyMade(error) && !isRevert(error, "TooSoon")) throw error;
  }
  return "played";
}

async function showRefutation(dispute: Dispute, sender: Sender, { cases, logger }: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const entry = dispute.seal === undefined ? undefined : await cases.findBySeal(dispute.seal);
  if (entry === undefined) throw new GainsayError("The refutation behind an own sealed dispute is not in the data folder; restore it before the clock runs out.", { code: "CASE_MISSING", details: { disputeId: dispute.id } });
  const receipt = await refute(sender, dispute.id, entry.salt, decodeWitness(entry.witness), { signal, deadline: dispute.deadline });
  logger.info({ disputeId: dispute.id, jobId: dispute.jobId, step: entry.stepIndex, element: entry.element, gas: receipt.gasUsed, transaction: receipt.transactionHash }, "executor convicted");
}

/**
 * After a block was expanded: seals a refutation if one can be had, and shows it when the seal has its age; otherwise goes on with the bisection. The
 * refutation is the stored one, if the executor has committed to what it has served before, or else one that is found in what it serves now.
 */
async function lookInside(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const { cases, logger } = dependencies;
  if (dispute.seal !== undefined && (await cases.findBySeal(dispute.seal)) !== undefined) return showRefutation(dispute, sender, dependencies, signal);
  const { innerRoot } = dispute.position;
  let entry = await unsealedCase(job, dependencies);
  if (entry?.innerRoot !== innerRoot || entry.challenger !== sender.address.toLowerCase()) {
    entry = await findInside(job, dispute, sender, dependencies, signal);
    if (entry === undefined) return choose(job, dispute, sender, dependencies, signal);
    await cases.put(entry);
  }
  await sealRefutation(sender, dispute.id, dispute.turn, entry.seal, { signal, deadline: dispute.deadline });
  logger.info({ disputeId: dispute.id, jobId: job.id, step: entry.stepIndex, element: entry.element }, "sealed the refutation of a step inside the block");
}

/** A refutation found in the inner trace to which the executor has committed; undefined if that is not served, or there is nothing false in it. */
async function findInside(job: Job & { traceRoot: Hex }, { position }: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<Case | undefined> {
  const { network, providers, traces, logger, chain } = dependencies;
  const posted = await postedTrace(job, traces);
  if (posted === undefined) return undefined;
  const { loaded, tensors } = await ownExecution(job, dependencies, signal);
  const { program } = loaded;
  const { blockIndex, innerRoot } = position;
  const peers = providers.providersOf(job.traceRoot, job.executor);
  let inner: readonly CommittedTensor[];
  try {
    inner = (await fetchInner({ network, peers, program, traceRoot: job.traceRoot, blockIndex, innerRoot, signal })).tensors;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GainsayError)) throw error;
    logger.warn({ jobId: job.id, block: blockIndex, reason: error.code }, "inner trace of an expanded block not served");
    return undefined;
  }
  const theirs = { ...tensors, trace: posted.tensors, inner: (block: number) => (block === blockIndex ? inner : undefined) };
  const { finding } = await checkBlock(loaded, blockIndex, theirs, undefined, { signal });
  if (finding === undefined) return undefined;
  logger.warn({ jobId: job.id, block: blockIndex, ...describeFinding(finding) }, "fraud found in the inner trace");
  const witness = refutationFromTrace(program, theirs, finding.stepIndex, finding.element);
  await dryRun(chain, job, witness, position);
  return sealed(job, witness, sender.address, innerRoot);
}

/** The executor's posted trace as it was stored; undefined if there is none, or a reorganisation has put another commitment in the place of that one. */
async function postedTrace(job: Job, traces: WatcherDependencies["traces"]): Promise<Trace | undefined> {
  const posted = await traces.get(postedKey(job));
  return posted?.traceRoot === job.traceRoot ? posted : undefined;
}

/**
 * The own side of a bisection: the own execution; or, where the executor's posted trace is known, the disputed block run again from that. Then the game
 * is about this block alone.
 */
async function ownSide(job: Job, { position }: Dispute, own: OwnExecution, { traces, hasher }: WatcherDependencies, signal: AbortSignal): Promise<{ tensors: ExecutionTensors; posted?: readonly CommittedTensor[] }> {
  const { blockIndex, innerCount } = position;
  if (innerCount === 0) return { tensors: own.tensors };
  const posted = await postedTrace(job, traces);
  if (posted === undefined) return { tensors: await withInner(own, signal, [blockIndex]) };
  const bytesOf = (list: readonly CommittedTensor[]): Uint8Array[] => list.map(({ bytes }) => bytes);
  const { tensors: inner, borders } = await own.loaded.expand(blockIndex, { inputs: bytesOf(posted.inputs), tensors: bytesOf(posted.tensors) }, signal);
  const indices = [...borders.keys()];
  const computed = await commitTensors([...borders.values()], hasher);
  const trace = posted.tensors.map((tensor, i) => computed[indices.indexOf(i)] ?? tensor);
  return { tensors: { ...own.tensors, trace, inner: (block) => (block === blockIndex ? inner : undefined) }, posted: posted.tensors };
}

async function choose(job: Job, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const execution = await ownExecution(job, dependencies, signal);
  const { program } = execution.loaded;
  const shown = replay(program.trace.length, (await readDisputeMoves(sender.chain, dispute.id, dispute)).flatMap(recorded));
  const { tensors: own, posted } = await ownSide(job, dispute, execution, dependencies, signal);
  const move = challengerMove(gameOf(dispute), { program, own, shown, ...(posted === undefined ? {} : { posted }) });
  if (move === undefined) return;
  const named = (stepIndex: number): NamedStep => ({ stepIndex, step: encodeStep(program.steps[stepIndex] as Step), stepProof: pathProof(stepsTree(program), stepIndex) });
  if (move.kind === "choose") await chooseNode(sender, dispute.id, dispute.turn, move, { signal, deadline: dispute.deadline });
  else if (move.kind === "chooseTensor") await chooseTensor(sender, dispute.id, dispute.turn, move, named(move.stepIndex), { signal, deadline: dispute.deadline });
  else if (move.kind === "chooseBlock") await chooseBlock(sender, dispute.id, dispute.turn, move, proveBlock(program, move.blockIndex), { signal, deadline: dispute.deadline });
  else if (move.kind === "descend") await descendBlock(sender, dispute.id, dispute.turn, { signal, deadline: dispute.deadline });
  else await chooseBorder(sender, dispute.id, dispute.turn, move, named(move.stepIndex), { signal, deadline: dispute.deadline });
  dependencies.logger.info({ disputeId: dispute.id, turn: dispute.turn, move: move.kind, ...("index" in move ? { child: move.index } : {}) }, "chose a node of the bisection");
}

async function refuteChunk(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<"played" | "lost"> {
  // The seal may stand since before a restart; without its case, which is written first, another one takes its place.
  if (dispute.seal !== undefined && (await dependencies.cases.findBySeal(dispute.seal)) !== undefined) {
    await showRefutation(dispute, sender, dependencies, signal);
    return "played";
  }
  const execution = await ownExecution(job, dependencies, signal);
  const { program } = execution.loaded;
  const shown = replay(program.trace.length, (await readDisputeMoves(sender.chain, dispute.id, dispute)).flatMap(recorded));
  const { tensors: own, posted } = await ownSide(job, dispute, execution, dependencies, signal);
  const { stepIndex } = dispute.position;
  const chunk = disputedChunk(program, own, shown, stepIndex);
  const elements = Array.from({ length: chunk.count }, (_, i) => chunk.first + i);
  const { finding } = await judgeElements(program, stepIndex, elements, chunk.tensors, signal);
  if (finding === undefined) {
    noFraud(dispute, execution, dependencies);
    return "lost";
  }
  dependencies.logger.warn({ jobId: job.id, disputeId: dispute.id, ...describeFinding(finding) }, "fraud found in the revealed chunk");
  const witness = refutationFromBisection(program, own, shown, stepIndex, finding.element, posted);
  await dryRun(sender.chain, job, witness, dispute.position);
  const entry = sealed(job, witness, sender.address);
  await dependencies.cases.put(entry);
  await sealRefutation(sender, dispute.id, dispute.turn, entry.seal, { signal, deadline: dispute.deadline });
  dependencies.logger.info({ disputeId: dispute.id, jobId: job.id, step: stepIndex, element: finding.element }, "sealed the refutation of the revealed chunk");
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
      return [{ kind: "tensor", source: move.source, tensor: move.tensor, byteLength: move.byteLength }];
    case "block":
      return [{ kind: "block", block: move.block, innerCount: move.innerCount }];
    case "expand":
      return [{ kind: "expand", innerRoot: move.innerRoot }];
    case "descend":
      return [{ kind: "descend" }];
    case "chunk":
      return [{ kind: "chunk", chunk: move.chunk, data: move.data }];
    default:
      return [];
  }
}
