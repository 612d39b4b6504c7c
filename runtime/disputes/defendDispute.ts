import { defenderMove } from "../../protocol/dispute/defenderMove.ts";
import { isInner, type CommittedTrace } from "../../protocol/dispute/stepOperands.ts";
import type { Hex } from "../../protocol/hex.ts";
import { sources, type Program } from "../../protocol/program/types.ts";
import { expandBlock } from "../chain/calls/expandBlock.ts";
import { revealChunk } from "../chain/calls/revealChunk.ts";
import { revealNode } from "../chain/calls/revealNode.ts";
import type { Sender } from "../chain/createSender.ts";
import { isRevert } from "../chain/revertError.ts";
import type { Dispute } from "../chain/types.ts";
import { gameOf, isMoveAlreadyMade } from "./game.ts";

/** Whether the dispute waits for a move of the defender. */
export function isDefendersTurn(dispute: Dispute): boolean {
  return dispute.phase === "reveal" || dispute.phase === "revealChunk" || dispute.phase === "answer" || dispute.phase === "expand";
}

/** The blocks whose inner traces the defender needs for its next move. */
export function blocksNeeded(program: Program, { phase, position }: Dispute): number[] {
  const { blockIndex, innerCount, source, stepIndex } = position;
  if (phase === "expand" || (source === sources.inner && (phase === "reveal" || phase === "revealChunk"))) return [blockIndex];
  const step = phase === "answer" ? program.steps[stepIndex] : undefined;
  return step !== undefined && innerCount > 0 && isInner(step) ? [step.blockIndex] : [];
}

/**
 * Makes the defender's move of a dispute, if it is the defender's turn; for answers to demands see `answerDispute`. Anyone who holds
 * the committed trace may, but only the executor can expand a block. `digest` is that of the commitment to it. Resolves to the transaction, or undefined if there was nothing
 * to do for this account or somebody else was faster, which is a success. Throws `INNER_TRACE_MISSING` if `committed` lacks the block's.
 */
export async function defendDispute(sender: Sender, dispute: Dispute, digest: Hex, committed: CommittedTrace, signal?: AbortSignal): Promise<Hex | undefined> {
  const move = defenderMove(gameOf(dispute), committed);
  if (move === undefined) return undefined;
  try {
    const receipt =
      move.kind === "reveal"
        ? await revealNode(sender, dispute.id, dispute.turn, move.children, { signal, deadline: dispute.deadline })
        : move.kind === "expand"
          ? await expandBlock(sender, dispute.id, dispute.turn, { digest, blockIndex: dispute.position.blockIndex, innerRoot: move.innerRoot }, { signal, deadline: dispute.deadline })
          : await revealChunk(sender, dispute.id, dispute.turn, move.data, { signal, deadline: dispute.deadline });
    return receipt.transactionHash;
  } catch (error) {
    if (isMoveAlreadyMade(error) || isRevert(error, "NotExecutor")) return undefined;
    throw error;
  }
}
