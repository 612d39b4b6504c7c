import type { TransactionReceipt } from "viem";
import type { Hex } from "../../../protocol/hex.ts";
import { toHex } from "../../../protocol/hex.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import type { NamedStep } from "./chooseNode.ts";

/** Challenger's move after a block was expanded: goes on in its inner trace. */
export function descendBlock(sender: Sender, disputeId: bigint, turn: number, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "descend", [disputeId, turn]), options);
}

/** A tensor of the posted trace: its root, and the path of that in the trace. */
export interface BorderTensor {
  root: Hex;
  proof: readonly Uint8Array[];
}

/** Challenger's move after a block was expanded, or while its inner trace is descended: goes on in a border tensor of the block. */
export function chooseBorder(sender: Sender, disputeId: bigint, turn: number, { root, proof }: BorderTensor, named: NamedStep, options?: SendOptions): Promise<TransactionReceipt> {
  const args = [disputeId, turn, root, proof.map(toHex), named.stepIndex, toHex(named.step), named.stepProof.map(toHex)] as const;
  return sender.send(contractCall(sender.chain.deployment, "disputes", "chooseBorder", args), options);
}
