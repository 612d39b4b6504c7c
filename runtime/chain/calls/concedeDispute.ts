import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/**
 * Gives up an own dispute where the move is the challenger's: its bonds go to the defender, and nobody waits for the clock. `digest` is the
 * commitment's, so that after a reorganisation no other dispute is given up.
 */
export function concedeDispute(sender: Sender, disputeId: bigint, turn: number, digest: Hex, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "concede", [disputeId, turn, digest]), options);
}
