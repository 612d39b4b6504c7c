import type { TransactionReceipt } from "viem";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import { provedBlockToAbi } from "../../../protocol/program/codec.ts";
import type { ProvedBlock } from "../../../protocol/program/types.ts";
import { contractCall } from "../contracts.ts";
import type { Sender, SendOptions } from "../createSender.ts";
import { eventIn } from "./eventIn.ts";
import { unfoldCommitment } from "./unfoldCommitment.ts";

/** An element of a step's result, with the proof that the step is the program's. */
export interface DemandedElement {
  stepIndex: number;
  element: number;
  /** Descriptor. */
  step: Uint8Array;
  /** Path of its hash in the program's steps. */
  stepProof: readonly Uint8Array[];
  /** The step's block, needed if the step reads or defines an inner tensor (`isInner`) and the block is not expanded yet. */
  block?: ProvedBlock | undefined;
}

/** Opens a dispute by demanding an element. `bond` is `getParameters(chain).rules.demandBond`, wei. */
export async function demandElement(sender: Sender, commitment: { jobId: bigint; digest: Hex; bond: bigint }, demanded: DemandedElement, options?: SendOptions): Promise<{ disputeId: bigint; receipt: TransactionReceipt }> {
  const { jobId, digest, bond } = commitment;
  await unfoldCommitment(sender, jobId, options);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "disputes", "demand", [jobId, digest, ...argumentsOf(demanded)], bond), options);
  return { disputeId: eventIn(sender.chain, receipt, "disputes", "Opened").args.disputeId, receipt };
}

/** Challenger's move after a sound answer: demands another element of the same commitment, for one more bond. */
export function demandNextElement(sender: Sender, disputeId: bigint, turn: number, { digest, bond }: { digest: Hex; bond: bigint }, demanded: DemandedElement, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "demandNext", [disputeId, turn, digest, ...argumentsOf(demanded)], bond), options);
}

const noBlock: ProvedBlock = { index: 0, content: { firstStep: 0, stepCount: 0, borders: [], innerCount: 0 }, proof: [] };

function argumentsOf({ stepIndex, element, step, stepProof, block = noBlock }: DemandedElement) {
  return [stepIndex, BigInt(element), toHex(step), stepProof.map(toHex), provedBlockToAbi(block)] as const;
}
