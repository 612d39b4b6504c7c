import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Takes a job from an executor that missed its delivery and reopens it. Anybody. */
export function expireJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "jobs", "expire", [jobId]), options);
}
