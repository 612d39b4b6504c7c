import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { noCommitment } from "../jobRecord.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";

/** Makes an unchallenged commitment final and pays the executor. Anybody, after the challenge window. */
export async function finalizeJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  const { terms, commitment = noCommitment } = await getJobRecord(sender.chain, jobId);
  return sender.send(contractCall(sender.chain.deployment, "jobs", "finalize", [jobId, terms, commitment]), options);
}
