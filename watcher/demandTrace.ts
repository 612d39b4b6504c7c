import { floatNoise, type FloatNoise } from "../protocol/dispute/floatNoise.ts";
import { nextDemand, type DemandDecision } from "../protocol/dispute/nextDemand.ts";
import { openedElements, type OpenedRun } from "../protocol/dispute/openedElements.ts";
import { proveBlock } from "../protocol/dispute/proveBlock.ts";
import { stepsTree } from "../protocol/dispute/refutation.ts";
import { isInner, type ExecutionTensors } from "../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../protocol/errors.ts";
import type { Hex } from "../protocol/hex.ts";
import { encodeStep } from "../protocol/program/codec.ts";
import type { Program, Step, Witness } from "../protocol/program/types.ts";
import { pathProof } from "../protocol/trees/merkle.ts";
import { concedeDispute } from "../runtime/chain/calls/concedeDispute.ts";
import { demandElement, demandNextElement, type DemandedElement } from "../runtime/chain/calls/demandElement.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getParameters } from "../runtime/chain/reads/getParameters.ts";
import { readDisputeMoves } from "../runtime/chain/reads/readDisputeMoves.ts";
import { readCommitment, readJobDisputes } from "../runtime/chain/reads/readJobEvents.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { checkDisputeFunds, walkGas } from "../runtime/disputes/disputeFunds.ts";
import { tensorByteLength } from "../runtime/inference/tensorTypes.ts";
import { fetchTensor } from "../runtime/serving/fetchTrace.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import type { DemandBudget } from "./options.ts";
import { ownExecution, withInner, type OwnExecution } from "./ownTrace.ts";

/** Milliseconds for an output that may be served although the trace is not. */
const OUTPUT_TIMEOUT_MS = 5_000;

/**
 * Opens a dispute against a withheld trace by demanding an output element, the one that deviates most from the own execution if the
 * outputs can be had. Does nothing if the budget does not pay for one demand, if the
 * outputs that are served agree with the own ones within float noise, or if this account has disputed this commitment before.
 * Throws `DISPUTE_UNFUNDED` if the account could not pay for the whole walk.
 * Resolves to whether it opened one.
 */
export async function openDemand(job: Job & { traceRoot: Hex }, sender: Sender, budget: DemandBudget, dependencies: WatcherDependencies, signal: AbortSignal): Promise<boolean> {
  const { chain, logger } = dependencies;
  const { rules } = await getParameters(chain);
  const earlier = await readJobDisputes(chain, job.id);
  if (earlier.some(({ args }) => args.attempt === job.attempt && args.challenger.toLowerCase() === sender.address.toLowerCase())) return false;
  const own = await ownExecution(job, dependencies, signal);
  const limit = demandsOf(budget, rules);
  // A walk that ends for want of money loses what has been paid for it.
  const demands = Math.min(limit, own.loaded.program.steps.length);
  await checkDisputeFunds(chain, sender.address, { bonds: BigInt(demands) * rules.demandBond, gas: walkGas(demands) });
  const decision = await decide(job, own, [], limit, dependencies, signal);
  if (decision.kind === "stop") {
    logger.warn({ jobId: job.id, reason: decision.why }, "withheld trace not demanded");
    return false;
  }
  const commitment = { jobId: job.id, digest: job.digest, bond: rules.demandBond };
  const { disputeId, receipt } = await demandElement(sender, commitment, demanded(own.loaded.program, decision), { signal, deadline: job.deadline });
  logger.info({ jobId: job.id, disputeId, step: decision.stepIndex, element: decision.element, transaction: receipt.transactionHash }, "dispute opened by demand");
  return true;
}

/** The challenger's move after a sound answer: demands the next element, or gives up when what was opened is explained by floats. */
export async function continueDemand(job: Job & { traceRoot: Hex }, dispute: Dispute, sender: Sender, budget: DemandBudget, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const { chain, logger } = dependencies;
  const { rules } = await getParameters(chain);
  const own = await ownExecution(job, dependencies, signal);
  const answers = (await readDisputeMoves(chain, dispute.id, dispute)).flatMap((move) => (move.kind === "answer" && move.turn < dispute.turn ? [move.witness] : []));
  const decision = await decide(job, own, answers, demandsOf(budget, rules), dependencies, signal);
  const fields = { disputeId: dispute.id, jobId: job.id, demands: answers.length };
  if (decision.kind === "demand") {
    const receipt = await demandNextElement(sender, dispute.id, dispute.turn, { digest: job.digest, bond: rules.demandBond }, demanded(own.loaded.program, decision), { signal, deadline: dispute.deadline });
    logger.info({ ...fields, step: decision.stepIndex, element: decision.element, deviation: decision.deviation, transaction: receipt.transactionHash }, "demanded the next element");
    return;
  }
  await concedeDispute(sender, dispute.id, dispute.turn, job.digest, { signal, deadline: dispute.deadline });
  logger.warn({ ...fields, reason: decision.why, deviation: decision.deviation, lost: dispute.bond }, "gave up: nothing that was opened of the withheld trace is a fraud");
}

/** How many demands a budget pays for in one dispute. */
export function demandsOf(budget: DemandBudget, rules: { demandBond: bigint; maxDemands: number }): number {
  return Math.min(budget.demands, rules.maxDemands, Number(budget.wei / rules.demandBond));
}

async function decide(job: Job & { traceRoot: Hex }, own: OwnExecution, answers: readonly Witness[], limit: number, dependencies: WatcherDependencies, signal: AbortSignal): Promise<DemandDecision> {
  const { program } = own.loaded;
  const opened = answers.map((witness) => openedElements(program, witness));
  const outputs = await servedOutputs(job, program, dependencies, signal);
  const whole = await withInner(own, signal);
  return nextDemand({ program, own: whole, noise: noiseOf(own, whole), answers: opened, outputs, limit });
}

/** The committed outputs that anybody serves, proved by the roots in the commitment. */
async function servedOutputs(job: Job & { traceRoot: Hex }, program: Program, { chain, network, providers }: WatcherDependencies, signal: AbortSignal): Promise<OpenedRun[]> {
  const roots = (await readCommitment(chain, job.id, job.attempt))?.args.outputRoots ?? [];
  const peers = providers.providersOf(job.traceRoot, job.executor);
  const runs: OpenedRun[] = [];
  const soon = AbortSignal.any([signal, AbortSignal.timeout(OUTPUT_TIMEOUT_MS)]);
  for (const [i, tensor] of program.header.outputs.entries()) {
    const root = roots[i];
    const spec = program.trace[tensor];
    if (root === undefined || spec === undefined || peers.length === 0) continue;
    try {
      const { bytes } = await fetchTensor({ network, peers, signal: soon }, root, tensorByteLength(spec.dtype, spec.shape));
      runs.push({ tensor, first: 0, bytes });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof GainsayError)) throw error;
    }
  }
  return runs;
}

function demanded(program: Program, { stepIndex, element }: { stepIndex: number; element: number }): DemandedElement {
  const step = program.steps[stepIndex] as Step;
  const named = { stepIndex, element, step: encodeStep(step), stepProof: pathProof(stepsTree(program), stepIndex) };
  return isInner(step) ? { ...named, block: proveBlock(program, step.blockIndex) } : named;
}

const noises = new WeakMap<object, FloatNoise>();

/** The noise of an execution is the same at every round. */
function noiseOf({ loaded, trace }: OwnExecution, tensors: ExecutionTensors): FloatNoise {
  const noise = noises.get(trace) ?? floatNoise(loaded.program, tensors);
  noises.set(trace, noise);
  return noise;
}
