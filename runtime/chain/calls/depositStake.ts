import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Adds to the free stake of the sender. */
export function depositStake(sender: Sender, amount: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "stakes", "deposit", [amount], amount), options);
}
