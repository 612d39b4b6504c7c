import { defenderMove } from "../../protocol/dispute/defenderMove.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { revealChunk } from "../chain/calls/revealChunk.ts";
import { revealNode } from "../chain/calls/revealNode.ts";
import type { Sender } from "../chain/createSender.ts";
import type { Dispute } from "../chain/types.ts";
import { gameOf, isMoveAlreadyMade } from "./game.ts";

/** Whether the dispute waits for a move of the defender. */
export function isDefendersTurn(dispute: Dispute): boolean {
  return dispute.phase === "reveal" || dispute.phase === "revealChunk" || dispute.phase === "answer";
}

/**
 * Makes the defender's move of a bisection, if it is the defender's turn. Anyone who holds the committed trace may.
 * Resolves to the transaction, or undefined if there was nothing to do or somebody else was faster, which is a success.
 */
export async function defendDispute(sender: Sender, dispute: Dispute, tensors: readonly CommittedTensor[], signal?: AbortSignal): Promise<Hex | undefined> {
  const move = defenderMove(gameOf(dispute), tensors);
  if (move === undefined) return undefined;
  try {
    const receipt =
      move.kind === "reveal"
        ? await revealNode(sender, dispute.id, dispute.turn, move.children, { signal })
        : await revealChunk(sender, dispute.id, dispute.turn, move.data, { signal });
    return receipt.transactionHash;
  } catch (error) {
    if (isMoveAlreadyMade(error)) return undefined;
    throw error;
  }
}
