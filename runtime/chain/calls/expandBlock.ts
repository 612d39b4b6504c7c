import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** What an inner trace is the inside of: a block of the execution behind the commitment with this digest. */
export interface Expansion {
  digest: Hex;
  blockIndex: number;
  innerRoot: Hex;
}

/** The executor's move: commits the inner trace of the block that the dispute has named. Nobody else may make it. */
export function expandBlock(sender: Sender, disputeId: bigint, turn: number, { digest, blockIndex, innerRoot }: Expansion, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "expand", [disputeId, turn, digest, blockIndex, innerRoot]), options);
}
