import { zeroAddress, zeroHash } from "viem";
import type { Chain } from "../createChain.ts";
import { jobStatuses, type Job } from "../types.ts";
import { read } from "./read.ts";

/** All that the chain knows of a job. Throws `CONTRACT_REVERTED` (`UnknownJob`). */
export async function getJob(chain: Chain, jobId: bigint): Promise<Job> {
  const job = await read(chain, "jobs", "getJob", [jobId]);
  return {
    ...job,
    id: jobId,
    status: jobStatuses[job.status] ?? "none",
    deadline: Number(job.deadline),
    expiry: Number(job.expiry),
    executor: job.executor === zeroAddress ? undefined : job.executor,
    traceRoot: job.traceRoot === zeroHash ? undefined : job.traceRoot,
    outputRoot: job.outputRoot === zeroHash ? undefined : job.outputRoot,
  };
}

/** How many jobs there are; they are numbered from 1. */
export function getJobCount(chain: Chain): Promise<bigint> {
  return read(chain, "jobs", "jobCount", []);
}

/** Whether the account was convicted on the job, after which it cannot claim it again. */
export function isConvicted(chain: Chain, jobId: bigint, account: `0x${string}`): Promise<boolean> {
  return read(chain, "jobs", "isConvicted", [jobId, account]);
}
