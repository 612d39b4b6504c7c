import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { noCommitment } from "../jobRecord.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";
import { eventIn } from "./eventIn.ts";

/** Calls the consumer of a final job with its result, once. Anybody. `accepted` tells whether the consumer returned. */
export async function deliverResult(sender: Sender, jobId: bigint, options?: SendOptions): Promise<{ accepted: boolean; receipt: TransactionReceipt }> {
  const { terms, commitment = noCommitment } = await getJobRecord(sender.chain, jobId);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "jobs", "deliver", [jobId, terms, commitment]), options);
  return { accepted: eventIn(sender.chain, receipt, "jobs", "Delivered").args.accepted, receipt };
}
