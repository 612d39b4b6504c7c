import type { TransactionReceipt } from "viem";
import { witnessToAbi } from "../../../protocol/program/codec.ts";
import type { Witness } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** Defender's move: the witness for the demanded element, convicts if the judge says fraud, `rules.sealAge` after the demand. */
export function answerDemand(sender: Sender, disputeId: bigint, turn: number, witness: Witness, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "answer", [disputeId, turn, witnessToAbi(witness)]), options);
}
