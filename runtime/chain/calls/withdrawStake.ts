import type { TransactionReceipt } from "viem";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Pays out the pending withdrawal once its delay is over. */
export function withdrawStake(sender: Sender, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "stakes", "withdraw", []), options);
}
