import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Pays out what the sender may collect. */
export function collectCredits(sender: Sender, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "stakes", "collect", []), options);
}
