import { GainsayError } from "../../../protocol/errors.ts";
import type { Chain } from "../createChain.ts";
import { addressOrNobody } from "../jobRecord.ts";
import { jobStatuses, type Job } from "../types.ts";
import { getJobRecord, recallRecord, type FullRecord } from "./getJobRecord.ts";
import { read } from "./read.ts";
import { readMany } from "./readMany.ts";

/** All that is known of a job, from storage and events. Throws `CONTRACT_REVERTED` (`UnknownJob`), `CHAIN_RECORD_MISSING`. */
export async function getJob(chain: Chain, jobId: bigint): Promise<Job> {
  return jobOf(jobId, await getJobRecord(chain, jobId));
}

/** The same of many jobs, in few requests: for each the job, or the error `CONTRACT_REVERTED` (`UnknownJob`) or `CHAIN_RECORD_MISSING`. */
export async function getJobs(chain: Chain, jobIds: readonly bigint[]): Promise<(Job | GainsayError)[]> {
  const states = await readMany(chain, "jobs", "getJob", jobIds.map((jobId) => [jobId] as const));
  const complete = async (jobId: bigint, i: number): Promise<Job | GainsayError> => {
    const state = states[i];
    if (state instanceof GainsayError) return state;
    const record = state === undefined ? undefined : recallRecord(chain, state);
    if (record !== undefined) return jobOf(jobId, record);
    return getJob(chain, jobId).catch((error: unknown) => {
      if (error instanceof GainsayError && (error.code === "CONTRACT_REVERTED" || error.code === "CHAIN_RECORD_MISSING")) return error;
      throw error;
    });
  };
  const jobs: (Job | GainsayError)[] = [];
  for (let i = 0; i < jobIds.length; i += RECORDS_AT_ONCE) jobs.push(...(await Promise.all(jobIds.slice(i, i + RECORDS_AT_ONCE).map((jobId, k) => complete(jobId, i + k)))));
  return jobs;
}

/** Records looked for at once; more would only queue up in the endpoint. */
const RECORDS_AT_ONCE = 16;

function jobOf(jobId: bigint, { state, terms, commitment }: FullRecord): Job {
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

/** How many jobs there are, now or at a block; they are numbered from 1. */
export function getJobCount(chain: Chain, blockNumber?: bigint): Promise<bigint> {
  return read(chain, "jobs", "jobCount", [], blockNumber);
}

/** Whether the account was convicted on the job or missed a delivery of it, after which it cannot claim it again. */
export function isBarred(chain: Chain, jobId: bigint, account: `0x${string}`): Promise<boolean> {
  return read(chain, "jobs", "isBarred", [jobId, account]);
}

/** Whether the job's consumer has been called with the result. */
export function isDelivered(chain: Chain, jobId: bigint): Promise<boolean> {
  return read(chain, "jobs", "isDelivered", [jobId]);
}
