import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Ends a dispute whose commitment another dispute has convicted, and returns the bond. Anybody. */
export function closeDispute(sender: Sender, disputeId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "close", [disputeId]), options);
}
