import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Ends an open job and refunds its fee. The requester; anybody once nobody can claim it any more. */
export function cancelJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "jobs", "cancel", [jobId]), options);
}
