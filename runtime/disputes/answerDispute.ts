import { refutationFromTrace } from "../../protocol/dispute/refutation.ts";
import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { Program } from "../../protocol/program/types.ts";
import { answerDemand } from "../chain/calls/answerDemand.ts";
import type { Sender } from "../chain/createSender.ts";
import { isRevert } from "../chain/revertError.ts";
import type { Dispute } from "../chain/types.ts";
import { isMoveAlreadyMade } from "./game.ts";

/**
 * Answers a demand with the witness for its step and element, if one waits. Anyone who holds the committed trace may.
 * Resolves to the transaction, or undefined if there was nothing to do, if somebody else was faster, which is a success, or if the
 * answer proves a fraud and the demand is younger than a seal must be, so that a later head has to be awaited.
 */
export async function answerDispute(sender: Sender, dispute: Dispute, program: Program, tensors: ExecutionTensors, signal?: AbortSignal): Promise<Hex | undefined> {
  if (dispute.phase !== "answer") return undefined;
  const { stepIndex, index: element } = dispute.position;
  try {
    const receipt = await answerDemand(sender, dispute.id, dispute.turn, refutationFromTrace(program, tensors, stepIndex, element), { signal, deadline: dispute.deadline });
    return receipt.transactionHash;
  } catch (error) {
    if (isMoveAlreadyMade(error) || isRevert(error, "TooSoon")) return undefined;
    throw error;
  }
}
