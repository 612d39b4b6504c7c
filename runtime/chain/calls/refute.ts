import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { witnessToAbi } from "../../../protocol/program/codec.ts";
import type { Witness } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Convicts a commitment if the judge says fraud. Only the challenger, with the salt and witness of its seal, `rules.sealAge` after it. */
export function refute(sender: Sender, disputeId: bigint, salt: Hex, witness: Witness, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "refute", [disputeId, salt, witnessToAbi(witness)]), options);
}
