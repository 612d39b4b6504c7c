import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Gives up an own dispute where the move is the challenger's: its bonds go to the defender, and nobody waits for the clock. */
export function concedeDispute(sender: Sender, disputeId: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "concede", [disputeId]), options);
}
