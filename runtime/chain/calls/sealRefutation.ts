import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Challenger's move after a chunk was shown or a block expanded: `sealOf(challenger, salt, witness)` of the refutation to come. */
export function sealRefutation(sender: Sender, disputeId: bigint, turn: number, seal: Hex, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "seal", [disputeId, turn, seal]), options);
}
