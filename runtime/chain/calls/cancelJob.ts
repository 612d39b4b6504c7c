import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";

/** Ends an open job and refunds its fee. The requester; anybody once nobody can claim it any more. */
export async function cancelJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  const { terms } = await getJobRecord(sender.chain, jobId);
  return sender.send(contractCall(sender.chain.deployment, "jobs", "cancel", [jobId, terms]), options);
}
