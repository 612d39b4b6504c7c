import type { TransactionReceipt } from "viem";
import { toHex } from "../../../protocol/hex.ts";
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
}

/** Opens a dispute by demanding an element. `bond` is `getParameters(chain).rules.demandBond`, wei. */
export async function demandElement(sender: Sender, commitment: { jobId: bigint; attempt: number; bond: bigint }, demanded: DemandedElement, options?: SendOptions): Promise<{ disputeId: bigint; receipt: TransactionReceipt }> {
  const { jobId, attempt, bond } = commitment;
  await unfoldCommitment(sender, jobId, options);
  const receipt = await sender.send(contractCall(sender.chain.deployment, "disputes", "demand", [jobId, attempt, ...argumentsOf(demanded)], bond), options);
  return { disputeId: eventIn(sender.chain, receipt, "disputes", "Opened").args.disputeId, receipt };
}

/** Challenger's move after a sound answer: demands another element, for one more bond. */
export function demandNextElement(sender: Sender, disputeId: bigint, turn: number, bond: bigint, demanded: DemandedElement, options?: SendOptions): Promise<TransactionReceipt> {
  return sender.send(contractCall(sender.chain.deployment, "disputes", "demandNext", [disputeId, turn, ...argumentsOf(demanded)], bond), options);
}

function argumentsOf({ stepIndex, element, step, stepProof }: DemandedElement) {
  return [stepIndex, BigInt(element), toHex(step), stepProof.map(toHex)] as const;
}
