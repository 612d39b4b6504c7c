import { GainsayError } from "../protocol/errors.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import { getJob } from "../runtime/chain/reads/getJob.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Context } from "./context.ts";
import { span } from "./parse.ts";
import { pause } from "./pause.ts";

/**
 * Waits until the job is as wanted, showing its state. Failures of the endpoint are ridden out; `timeout` is in seconds.
 * Throws `JOB_TIMEOUT` (exit code 75), `JOB_UNCLAIMED`, `ABORTED`, and what reading an unknown job throws.
 */
export async function waitForJob(context: Context, chain: Chain, jobId: bigint, wanted: (job: Job) => boolean, timeout?: number): Promise<Job> {
  const { progress, signal, settings } = context;
  const end = timeout === undefined ? Infinity : Date.now() + timeout * 1000;
  let known: Job | undefined;
  for (;;) {
    try {
      const [job, head] = await Promise.all([getJob(chain, jobId), chain.head()]);
      known = job;
      if (wanted(job)) return job;
      if (job.status === "open" && head.timestamp > job.deadline) throw unclaimed(job);
      progress.update(`job ${jobId}: ${stateText(job)}`, waitText(job, head.timestamp));
    } catch (error) {
      if (!(error instanceof GainsayError) || !error.retryable) throw error;
      progress.update(`job ${jobId}: ${error.message}`);
    }
    const left = end - Date.now();
    if (left <= 0) {
      throw new GainsayError(`Job ${jobId} is still ${known?.status ?? "unknown"} after ${span(timeout ?? 0)}; wait again or look at \`gainsay job status ${jobId}\`.`, { code: "JOB_TIMEOUT", retryable: true, details: { jobId, status: known?.status ?? null } });
    }
    await pause(Math.min(settings.pollingIntervalMs, left), signal, { jobId });
  }
}

function unclaimed(job: Job): GainsayError {
  return new GainsayError(`Nobody claimed job ${job.id} in time; get the fee back with \`gainsay job cancel ${job.id}\`.`, { code: "JOB_UNCLAIMED", details: { jobId: job.id, deadline: job.deadline } });
}

/** Where a job is, in a phrase. */
export function stateText(job: Job): string {
  const attempt = job.attempt > 1 ? `, attempt ${job.attempt}` : "";
  const disputes = job.openDisputes > 0 ? `, ${job.openDisputes} open ${job.openDisputes === 1 ? "dispute" : "disputes"}` : "";
  return `${job.status}${attempt}${disputes}`;
}

/** What the job waits for, with the time that is left by the chain's clock. */
export function waitText(job: Job, now: number): string {
  const left = job.deadline - now;
  const time = left >= 0 ? `${span(left)} left` : `over for ${span(-left)}`;
  switch (job.status) {
    case "open":
      return `waits for an executor, ${time}`;
    case "claimed":
      return left >= 0 ? `waits for the result, ${time}` : `the executor missed the delivery, ${time}: see \`job expire\``;
    case "committed":
      return job.openDisputes > 0 ? "waits for its disputes to end" : left >= 0 ? `can be challenged, ${time}` : "waits to be made final";
    default:
      return "ended";
  }
}
