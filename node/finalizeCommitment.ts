import { finalizeJob } from "../runtime/chain/calls/finalizeJob.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/** Makes an unchallenged commitment final; that somebody else did so already, or that a dispute came in between, is no error. Resolves to the block in which it was made so here. */
export async function finalizeCommitment(job: Job, { sender, logger }: { sender: Sender; logger: Logger }, signal: AbortSignal): Promise<bigint | undefined> {
  try {
    const receipt = await finalizeJob(sender, job.id, { signal, digest: job.digest });
    logger.info({ jobId: job.id, attempt: job.attempt, fee: job.fee }, "job final");
    return receipt.blockNumber;
  } catch (error) {
    if (!isRevert(error, "WrongStatus", "WrongRecord", "DisputesOpen", "DeadlineNotPassed")) throw error;
    return undefined;
  }
}
