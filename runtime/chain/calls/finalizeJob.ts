import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Makes an unchallenged commitment final and pays the executor. Anybody, after the challenge window. */
export function finalizeJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "jobs", "finalize", [jobId]), options);
}
