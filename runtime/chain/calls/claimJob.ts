import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { getJobRecord } from "../reads/getJobRecord.ts";
import { eventIn } from "./eventIn.ts";

/** Takes an open job and locks its collateral. `attempt` numbers the commitment to come; `deadline` is the last second for it. */
export async function claimJob(sender: Sender, jobId: bigint, options?: SendOptions): Promise<{ attempt: number; deadline: number; receipt: TransactionReceipt }> {
  const { terms } = await getJobRecord(sender.chain, jobId);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "jobs", "claim", [jobId, terms]), options);
  const { attempt, deadline } = eventIn(sender.chain, receipt, "jobs", "Claimed").args;
  return { attempt, deadline: Number(deadline), receipt };
}
