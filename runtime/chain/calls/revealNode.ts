import type { TransactionReceipt } from "viem";
import { toHex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Defender's move: the descendants of the current node, left to right, 32 bytes each. `turn` is the dispute's turn that it makes. */
export function revealNode(sender: Sender, disputeId: bigint, turn: number, children: readonly Uint8Array[], options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "reveal", [disputeId, turn, children.map(toHex)]), options);
}
