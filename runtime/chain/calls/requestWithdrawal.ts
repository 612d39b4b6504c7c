import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Sets wei of free stake aside for withdrawal and starts the delay; replaces an earlier request. */
export function requestWithdrawal(sender: Sender, amount: bigint, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "stakes", "requestWithdrawal", [amount]), options);
}
