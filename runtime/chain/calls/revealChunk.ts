import type { TransactionReceipt } from "viem";
import { toHex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Defender's last move: the bytes of the chosen chunk. */
export function revealChunk(sender: Sender, disputeId: bigint, turn: number, data: Uint8Array, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "revealChunk", [disputeId, turn, toHex(data)]), options);
}
