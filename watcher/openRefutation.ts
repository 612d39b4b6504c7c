import { randomBytes } from "node:crypto";
import { innerRootOf } from "../protocol/dispute/defenderMove.ts";
import { proveBlock } from "../protocol/dispute/proveBlock.ts";
import { refutationFromTrace } from "../protocol/dispute/refutation.ts";
import { GainsayError } from "../protocol/errors.ts";
import { toHex, type Hex } from "../protocol/hex.ts";
import { encodeWitness } from "../protocol/program/codec.ts";
import { decodeWitness } from "../protocol/program/decode.ts";
import { sealOf } from "../protocol/program/sealOf.ts";
import { openBlock } from "../runtime/chain/calls/openBlock.ts";
import { openDispute } from "../runtime/chain/calls/openDispute.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getParameters } from "../runtime/chain/reads/getParameters.ts";
import { judgeCall } from "../runtime/chain/reads/judgeCall.ts";
import type { Job } from "../runtime/chain/types.ts";
import { claimOf, type InnerCommitment } from "../protocol/program/claim.ts";
import { blockAt } from "../protocol/program/blocks.ts";
import type { Program, Step, Witness } from "../protocol/program/types.ts";
import { bisectionGas, checkDisputeFunds, refutationGas } from "../runtime/disputes/disputeFunds.ts";
import type { Case } from "./createCaseStore.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { openProgram, ownExecution } from "./ownTrace.ts";
import { postedKey, postedTrace } from "./postedTrace.ts";
import type { Opinion } from "./verifyCommitment.ts";

type Fraud = Extract<Opinion, { kind: "fraud" }>;
type Inside = NonNullable<Extract<Opinion, { kind: "withheld" }>["inside"]>;

/**
 * Opens the dispute that a refutation needs: builds the witness, lets the judge on chain decide it in a dry run, stores it, and seals it; or, if it opens
 * inner tensors, first has the executor commit to them. The witness is shown when the seal has its age, and nobody can profit from copying it. Throws
 * `JUDGES_DISAGREE` if the chain finds the element sound.
 */
export async function openRefutation(job: Job & { traceRoot: Hex }, opinion: Fraud, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const { cases, chain } = dependencies;
  const { finding, own, trace } = opinion;
  const { program } = own.loaded;
  let entry = await unsealedCase(job, dependencies);
  // Of another key, or of a commitment that a reorganisation has replaced: a bond behind it would be lost.
  if (entry === undefined || entry.challenger !== sender.address.toLowerCase() || !(await convicts(chain, job, entry, program))) {
    const { inner } = finding;
    const witness = refutationFromTrace(program, { ...own.tensors, trace, inner: () => inner }, finding.stepIndex, finding.element);
    const commitment = inner === undefined ? undefined : innerCommitment(program, finding.stepIndex, innerRootOf(inner));
    await dryRun(chain, job, witness, commitment);
    entry = sealed(job, witness, sender.address, commitment?.innerRoot);
    await cases.put(entry);
  }
  if (entry.innerRoot !== undefined) return openInside(job, { blockIndex: (program.steps[entry.stepIndex] as Step).blockIndex, trace, own }, sender, dependencies, signal);
  await openSealed(job, entry, sender, dependencies, signal);
}

/**
 * Opens the dispute of a refutation that was stored before and could not be opened then; neither is the trace fetched again nor judged. Resolves to false if
 * there is none that convicts this commitment.
 */
export async function reopenRefutation(job: Job & { traceRoot: Hex }, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<boolean> {
  const { chain, traces } = dependencies;
  const entry = await unsealedCase(job, dependencies);
  if (entry === undefined || entry.challenger !== sender.address.toLowerCase()) return false;
  const { program } = await openProgram(job, dependencies, signal);
  if (!(await convicts(chain, job, entry, program))) return false;
  if (entry.innerRoot === undefined) {
    await openSealed(job, entry, sender, dependencies, signal);
    return true;
  }
  const posted = await traces.get(postedKey(job));
  if (posted?.traceRoot !== job.traceRoot) return false;
  const own = await ownExecution(job, dependencies, signal);
  await openInside(job, { blockIndex: (program.steps[entry.stepIndex] as Step).blockIndex, trace: posted.tensors, own }, sender, dependencies, signal);
  return true;
}

async function openSealed(job: Job, entry: Case, sender: Sender, { chain, logger }: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const { rules } = await getParameters(chain);
  await checkDisputeFunds(chain, sender.address, { bonds: rules.bond, gas: refutationGas((entry.witness.length - 2) / 2) });
  const { disputeId, receipt } = await openDispute(sender, { jobId: job.id, digest: job.digest, seal: entry.seal, bond: rules.bond }, { signal, deadline: job.deadline });
  logger.info({ jobId: job.id, disputeId, step: entry.stepIndex, element: entry.element, transaction: receipt.transactionHash }, "dispute opened with a sealed refutation");
}

/** The stored refutation of a commitment while no seal of it stands on chain. A damaged one is as none: a new seal loses nothing, while none at all would let the fraud pass. */
export async function unsealedCase(job: Job, { cases, logger }: Pick<WatcherDependencies, "cases" | "logger">): Promise<Case | undefined> {
  try {
    return await cases.find(job.id, job.attempt);
  } catch (error) {
    if (!(error instanceof GainsayError && error.code === "CASE_DAMAGED")) throw error;
    logger.warn({ jobId: job.id, attempt: job.attempt, ...error.details }, "damaged refutation replaced");
    return undefined;
  }
}

/**
 * Opens a dispute in which the executor has to commit to what is inside of a block. Its posted trace is stored first: what is found or recomputed inside
 * later is proved against it, whether anybody still serves it then or not.
 */
export async function openInside(job: Job & { traceRoot: Hex }, { blockIndex, trace, own }: Inside, sender: Sender, { chain, traces, logger }: WatcherDependencies, signal: AbortSignal): Promise<void> {
  await traces.put(postedKey(job), postedTrace(job, own, trace));
  const { rules } = await getParameters(chain);
  await checkDisputeFunds(chain, sender.address, { bonds: rules.bond, gas: bisectionGas(own.loaded.program, own.tensors) });
  const { disputeId, receipt } = await openBlock(sender, { jobId: job.id, digest: job.digest, bond: rules.bond }, proveBlock(own.loaded.program, blockIndex), { signal, deadline: job.deadline });
  logger.info({ jobId: job.id, disputeId, block: blockIndex, transaction: receipt.transactionHash }, "dispute opened about the inside of a block");
}

/** What the judge has to be told of an inner trace that a witness opens. */
export function innerCommitment(program: Program, stepIndex: number, innerRoot: Hex): InnerCommitment {
  const { blockIndex } = program.steps[stepIndex] as Step;
  return { innerRoot, blockIndex, innerCount: blockAt(program, blockIndex).innerCount };
}

/** Whether a stored refutation is one of this commitment. */
async function convicts(chain: Chain, job: Job & { traceRoot: Hex }, entry: Case, program: Program): Promise<boolean> {
  try {
    await dryRun(chain, job, decodeWitness(entry.witness), entry.innerRoot === undefined ? undefined : innerCommitment(program, entry.stepIndex, entry.innerRoot));
    return true;
  } catch (error) {
    if (error instanceof GainsayError && (error.code === "JUDGES_DISAGREE" || error.code === "CONTRACT_REVERTED")) return false;
    throw error;
  }
}

/** Asks the judge on chain without a transaction; throws `JUDGES_DISAGREE` unless it says fraud. */
export async function dryRun(chain: Chain, job: Job & { traceRoot: Hex }, witness: Witness, inner?: InnerCommitment): Promise<void> {
  const verdict = await judgeCall(chain, claimOf(job, inner), witness);
  if (!verdict.fraud) throw new GainsayError("The judge on chain finds sound what this watcher calls fraud, so no bond is risked; please report this with the job's number.", { code: "JUDGES_DISAGREE", details: { jobId: job.id, step: witness.stepIndex, element: witness.element } });
}

/** A refutation with a fresh salt and its seal, as it is stored before the seal is sent. */
export function sealed(job: Job, witness: Witness, challenger: Hex, innerRoot?: Hex): Case {
  const salt = toHex(randomBytes(32));
  return {
    jobId: job.id.toString(),
    attempt: job.attempt,
    challenger: challenger.toLowerCase() as Hex,
    stepIndex: witness.stepIndex,
    element: witness.element,
    ...(innerRoot === undefined ? {} : { innerRoot }),
    salt,
    seal: sealOf(challenger, salt, witness),
    witness: encodeWitness(witness),
  };
}
