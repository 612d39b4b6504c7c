import { expireJob } from "../runtime/chain/calls/expireJob.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

/** Reopens a job whose executor missed the delivery; that somebody else did so already is no error. */
export async function expireClaim(job: Job, { sender, logger }: { sender: Sender; logger: Logger }, signal: AbortSignal): Promise<void> {
  try {
    await expireJob(sender, job.id, { signal });
    logger.info({ jobId: job.id, executor: job.executor }, "missed job reopened");
  } catch (error) {
    if (!isRevert(error, "WrongStatus", "WrongRecord", "DeadlineNotPassed")) throw error;
  }
}
