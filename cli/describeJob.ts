import { formatAmount, type Asset } from "../runtime/assets/asset.ts";
import type { Job } from "../runtime/chain/types.ts";
import { span } from "./parse.ts";
import { stateText, waitText } from "./waitForJob.ts";

/** A job as pairs for people; `now` is the chain's clock in seconds. */
export function describeJob(job: Job, now: number, asset: Asset): [string, string | undefined][] {
  return [
    ["job", String(job.id)],
    ["status", stateText(job)],
    ["next", waitText(job, now)],
    ["program", job.programRoot],
    ["requester", job.requester],
    ["executor", job.executor],
    ["fee", formatAmount(job.fee, asset)],
    ["collateral", formatAmount(job.collateral, asset)],
    ["windows", `claim ${span(job.claimWindow)}, delivery ${span(job.deliveryWindow)}, challenge ${span(job.challengeWindow)}`],
    ["consumer", job.consumer === undefined ? undefined : `${job.consumer}, ${job.callbackGas} gas`],
    ["input root", job.inputRoot],
    ["trace root", job.traceRoot],
    ["output root", job.outputRoot],
  ];
}
