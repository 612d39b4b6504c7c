import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { recordOf } from "../reads/getJobRecord.ts";
import { eventIn } from "./eventIn.ts";

/** Takes an open job and locks its collateral; `digest` as the ledger has it saves a look. `attempt` numbers the commitment to come; `deadline` is the last second for it. */
export async function claimJob(sender: Sender, jobId: bigint, { digest, ...options }: SendOptions & { digest?: Hex } = {}): Promise<{ attempt: number; deadline: number; receipt: TransactionReceipt }> {
  const { terms } = await recordOf(sender.chain, jobId, digest);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "jobs", "claim", [jobId, terms]), options);
  const { attempt, deadline } = eventIn(sender.chain, receipt, "jobs", "Claimed").args;
  return { attempt, deadline: Number(deadline), receipt };
}
