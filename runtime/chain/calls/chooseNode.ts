import type { TransactionReceipt } from "viem";
import { toHex } from "../../../protocol/hex.ts";
import { provedBlockToAbi } from "../../../protocol/program/codec.ts";
import type { ProvedBlock } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";

/** One of the revealed nodes. `index` counts among them; `siblings` prove it against the disputed node, leaf side first. */
export interface NodeChoice {
  index: number;
  child: Uint8Array;
  siblings: readonly Uint8Array[];
}

/** The step that defines the tensor at a leaf of the trace. */
export interface NamedStep {
  stepIndex: number;
  /** Descriptor bytes. */
  step: Uint8Array;
  /** Path of its hash in the program's steps. */
  stepProof: readonly Uint8Array[];
}

/** Challenger's move above the leaves of the trace, and within a tensor. `turn` is the dispute's turn that it makes. */
export function chooseNode(sender: Sender, disputeId: bigint, turn: number, choice: NodeChoice, options?: SendOptions): Promise<TransactionReceipt> {
  const { index, child, siblings } = choice;
  return sender.send(contractCall(sender.chain.deployment, "disputes", "choose", [disputeId, turn, BigInt(index), toHex(child), siblings.map(toHex)]), options);
}

/** Challenger's move at a leaf of a trace: as `chooseNode`, and names the step. */
export function chooseTensor(sender: Sender, disputeId: bigint, turn: number, choice: NodeChoice, named: NamedStep, options?: SendOptions): Promise<TransactionReceipt> {
  const { index, child, siblings } = choice;
  const args = [disputeId, turn, BigInt(index), toHex(child), siblings.map(toHex), named.stepIndex, toHex(named.step), named.stepProof.map(toHex)] as const;
  return sender.send(contractCall(sender.chain.deployment, "disputes", "chooseTensor", args), options);
}

/** Challenger's move at a leaf of the posted trace: as `chooseNode`, and names the block, which the executor then has to expand. */
export function chooseBlock(sender: Sender, disputeId: bigint, turn: number, choice: NodeChoice, block: ProvedBlock, options?: SendOptions): Promise<TransactionReceipt> {
  const { index, child, siblings } = choice;
  const args = [disputeId, turn, BigInt(index), toHex(child), siblings.map(toHex), provedBlockToAbi(block)] as const;
  return sender.send(contractCall(sender.chain.deployment, "disputes", "chooseBlock", args), options);
}
