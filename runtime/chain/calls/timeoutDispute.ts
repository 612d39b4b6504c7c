import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Ends a dispute against the side whose clock ran out. Anybody. */
export function timeoutDispute(sender: Sender, disputeId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "timeout", [disputeId]), options);
}
