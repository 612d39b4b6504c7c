import { randomBytes } from "node:crypto";
import { refutationFromTrace } from "../protocol/dispute/refutation.ts";
import { GainsayError } from "../protocol/errors.ts";
import { toHex, type Hex } from "../protocol/hex.ts";
import { decodeWitness, encodeWitness, sealOf } from "../protocol/program/codec.ts";
import { openDispute } from "../runtime/chain/calls/openDispute.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getParameters } from "../runtime/chain/reads/getParameters.ts";
import { judgeCall } from "../runtime/chain/reads/judgeCall.ts";
import type { Job } from "../runtime/chain/types.ts";
import { claimOf, type InnerCommitment } from "../protocol/program/claim.ts";
import type { Witness } from "../protocol/program/types.ts";
import type { Case } from "./createCaseStore.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import type { Opinion } from "./verifyCommitment.ts";

type Fraud = Extract<Opinion, { kind: "fraud" }>;

/**
 * Opens the dispute that a refutation needs: builds the witness, lets the judge on chain decide it in a dry run, stores it, and seals it.
 * The witness is shown when the seal has its age, and nobody can profit from copying it. Throws `JUDGES_DISAGREE` if the chain finds the element sound.
 */
export async function openRefutation(job: Job & { traceRoot: Hex }, opinion: Fraud, sender: Sender, { cases, chain, logger }: WatcherDependencies, signal: AbortSignal): Promise<void> {
  let entry = await cases.find(job.id, job.attempt).catch((error: unknown) => {
    if (!(error instanceof GainsayError && error.code === "CASE_DAMAGED")) throw error;
    // No dispute with it stands on chain, so a new seal loses nothing, while none at all would let the fraud pass.
    logger.warn({ jobId: job.id, attempt: job.attempt, ...error.details }, "damaged refutation replaced");
    return undefined;
  });
  // Of another key, or of a commitment that a reorganisation has replaced: a bond behind it would be lost.
  if (entry === undefined || entry.challenger !== sender.address.toLowerCase() || !(await convicts(chain, job, entry))) {
    const { finding, own, trace } = opinion;
    const witness = refutationFromTrace(own.loaded.program, { ...own.tensors, trace }, finding.stepIndex, finding.element);
    await dryRun(chain, job, witness);
    entry = sealed(job, witness, sender.address);
    await cases.put(entry);
  }
  const { rules } = await getParameters(chain);
  const { disputeId, receipt } = await openDispute(sender, { jobId: job.id, attempt: job.attempt, seal: entry.seal, bond: rules.bond }, { signal });
  logger.info({ jobId: job.id, disputeId, step: entry.stepIndex, element: entry.element, transaction: receipt.transactionHash }, "dispute opened with a sealed refutation");
}

/** Whether a stored refutation is one of this commitment. */
async function convicts(chain: Chain, job: Job & { traceRoot: Hex }, entry: Case): Promise<boolean> {
  try {
    await dryRun(chain, job, decodeWitness(entry.witness));
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
export function sealed(job: Job, witness: Witness, challenger: Hex): Case {
  const salt = toHex(randomBytes(32));
  return {
    jobId: job.id.toString(),
    attempt: job.attempt,
    challenger: challenger.toLowerCase() as Hex,
    stepIndex: witness.stepIndex,
    element: witness.element,
    salt,
    seal: sealOf(challenger, salt, witness),
    witness: encodeWitness(witness),
  };
}
