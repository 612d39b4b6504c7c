import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** The executor's move: commits the inner trace of the block that the dispute has named. Nobody else may make it. */
export function expandBlock(sender: Sender, disputeId: bigint, turn: number, innerRoot: Hex, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "expand", [disputeId, turn, innerRoot]), options);
}
