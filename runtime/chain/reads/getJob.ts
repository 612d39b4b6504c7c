import type { Chain } from "../createChain.ts";
import { addressOrNobody } from "../jobRecord.ts";
import { jobStatuses, type Job } from "../types.ts";
import { getJobRecord } from "./getJobRecord.ts";
import { read } from "./read.ts";

/** All that is known of a job, from storage and events. Throws `CONTRACT_REVERTED` (`UnknownJob`), `CHAIN_RECORD_MISSING`. */
export async function getJob(chain: Chain, jobId: bigint): Promise<Job> {
  const { state, terms, commitment } = await getJobRecord(chain, jobId);
  return {
    ...terms,
    id: jobId,
    status: jobStatuses[state.status] ?? "none",
    attempt: state.attempt,
    missed: state.missed,
    openDisputes: state.openDisputes,
    unfolded: state.unfolded,
    digest: state.digest,
    deadline: Number(state.deadline),
    expiry: Number(terms.expiry),
    executor: addressOrNobody(state.executor),
    consumer: addressOrNobody(terms.consumer),
    traceRoot: commitment?.traceRoot,
    outputRoot: commitment?.outputRoot,
  };
}

/** How many jobs there are; they are numbered from 1. */
export function getJobCount(chain: Chain): Promise<bigint> {
  return read(chain, "jobs", "jobCount", []);
}

/** Whether the account was convicted on the job or missed a delivery of it, after which it cannot claim it again. */
export function isBarred(chain: Chain, jobId: bigint, account: `0x${string}`): Promise<boolean> {
  return read(chain, "jobs", "isBarred", [jobId, account]);
}

/** Whether the job's consumer has been called with the result. */
export function isDelivered(chain: Chain, jobId: bigint): Promise<boolean> {
  return read(chain, "jobs", "isDelivered", [jobId]);
}
