import { GainsayError } from "../protocol/errors.ts";
import { claimJob } from "../runtime/chain/calls/claimJob.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import { getStakeAccount } from "../runtime/chain/reads/getStakeAccount.ts";
import { getJob, isBarred } from "../runtime/chain/reads/getJob.ts";
import { isRevert } from "../runtime/chain/revertError.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Slots } from "../runtime/network/blobs/createSlots.ts";
import type { InputStore } from "../runtime/programs/createInputStore.ts";
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
  /** Where an input is kept that peers might not serve again. */
  inputs: Pick<InputStore, "get" | "put" | "size">;
  /** Forgets the input of a job that is another's, unless a further job needs it. */
  release(job: Job): Promise<void>;
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

/** Claims a job, once its input is here to stay: from the claim on, the executor answers for having it. Resolves to the block of the claim, if it came to one. */
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
  const ensureRoom = (needed: number): void => {
    if (room >= needed) return;
    throw new GainsayError("There is no room for the trace of another job; make some on the disk, or raise --max-disk.", { code: "TRACE_STORE_FULL", retryable: true, details: { jobId: job.id, room, needed } });
  };
  const traceBytes = bytes * (dependencies.pending + 1);
  ensureRoom(traceBytes);
  /** Whoever serves it may be gone after the claim, so it is on disk before. */
  const takeIn = async (): Promise<boolean> => {
    if ((await dependencies.inputs.get(loaded.program, job)) !== undefined) return true;
    const { inputs, isFromPeers } = await loadInputs(dependencies, loaded.program, job, signal);
    if (!isFromPeers) return false;
    ensureRoom(traceBytes + dependencies.inputs.size() + inputs.reduce((sum, tensor) => sum + tensor.bytes.length, 0));
    await dependencies.inputs.put(job, inputs);
    return true;
  };
  let isKept: boolean;
  try {
    isKept = await dependencies.looks.run("inputs", takeIn, signal);
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
    if (isKept) await releaseOther(job, dependencies);
    logger.debug({ jobId: job.id }, "job claimed by another executor");
    return undefined;
  }
}

/** An earlier claim of our own may be what stands in the way; where that cannot be told, the input stays until it can. */
async function releaseOther(job: Job, { sender, release, logger }: ClaimDependencies): Promise<void> {
  try {
    const { status, executor } = await getJob(sender.chain, job.id);
    if (status !== "open" && executor?.toLowerCase() !== sender.address.toLowerCase()) await release(job);
  } catch (error) {
    logger.debug({ jobId: job.id, error }, "input of a job not removed yet");
  }
}
