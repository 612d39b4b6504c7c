import { GainsayError } from "../protocol/errors.ts";
import { claimJob } from "../runtime/chain/calls/claimJob.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getStakeAccount } from "../runtime/chain/reads/getStakeAccount.ts";
import { isBarred } from "../runtime/chain/reads/getJob.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Slots } from "../runtime/network/blobs/createSlots.ts";
import { loadInputs, type InputSources } from "../runtime/programs/loadInputs.ts";
import type { Programs } from "../runtime/programs/createPrograms.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";
import { traceSize } from "../runtime/traces/traceSize.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";

export interface ClaimDependencies extends InputSources {
  sender: Sender;
  programs: Programs;
  logger: Logger;
  traces: Pick<TraceStore, "room">;
  /** Bounds how many look at inputs at once. */
  looks: Slots;
  /** Claimed jobs whose trace is not stored yet; each takes room too. */
  pending: number;
  /** Never look at this job again. */
  decline(jobId: bigint): void;
}

/** Looks at the free stake that are under way: claims come many at once, and one answer does for all that asked meanwhile. */
const looks = new WeakMap<Sender, Promise<bigint>>();

function freeStake(sender: Sender): Promise<bigint> {
  const look = looks.get(sender) ?? getStakeAccount(sender.chain, sender.address).then(({ free }) => free).finally(() => looks.delete(sender));
  looks.set(sender, look);
  return look;
}

/** Claims a job, once its input is here: from the claim on, the executor answers for having it. Resolves to the block of the claim, if it came to one. */
export async function claimOpenJob(job: Job, dependencies: ClaimDependencies, signal: AbortSignal): Promise<bigint | undefined> {
  const { sender, programs, logger, decline } = dependencies;
  // Before its first failure a job bars nobody.
  if ((job.attempt > 1 || job.missed > 0) && (await isBarred(sender.chain, job.id, sender.address))) {
    logger.info({ jobId: job.id }, "job left to others after a failure");
    decline(job.id);
    return undefined;
  }
  const free = await freeStake(sender);
  if (free < job.collateral) {
    throw new GainsayError("The free stake does not cover the collateral of an open job; deposit more with `gainsay stake deposit`.", { code: "STAKE_TOO_SMALL", retryable: true, details: { jobId: job.id, free, collateral: job.collateral } });
  }
  const loaded = await programs.open(job.programRoot);
  if (loaded === undefined) {
    decline(job.id);
    return undefined;
  }
  const [room, bytes] = [await dependencies.traces.room(), traceSize(loaded.program)];
  // A trace without a place is a delivery missed, and that costs stake.
  if (room < bytes * (dependencies.pending + 1)) {
    throw new GainsayError("There is no room for the trace of another job; make some on the disk, or raise --max-disk.", { code: "TRACE_STORE_FULL", retryable: true, details: { jobId: job.id, room, needed: bytes * (dependencies.pending + 1) } });
  }
  try {
    await dependencies.looks.run("inputs", async () => void (await loadInputs(dependencies, loaded.program, job, signal)), signal);
  } catch (error) {
    if (!(error instanceof GainsayError && error.code === "INPUT_MISMATCH")) throw error;
    logger.warn({ jobId: job.id, reason: error.message }, "job with a malformed input left alone");
    decline(job.id);
    return undefined;
  }
  try {
    const { attempt, deadline, receipt } = await claimJob(sender, job.id, { signal, deadline: job.deadline, digest: job.digest });
    logger.info({ jobId: job.id, attempt, deadline, fee: job.fee, collateral: job.collateral }, "job claimed");
    return receipt.blockNumber;
  } catch (error) {
    if (!isRevert(error, "WrongStatus", "WrongRecord")) throw error;
    logger.debug({ jobId: job.id }, "job claimed by another executor");
    return undefined;
  }
}
