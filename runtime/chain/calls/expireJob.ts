import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";

/** Takes a job from an executor that missed its delivery and reopens it. Anybody. */
export async function expireJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  const { terms } = await getJobRecord(sender.chain, jobId);
  return sender.send(contractCall(sender.chain.deployment, "jobs", "expire", [jobId, terms]), options);
}
