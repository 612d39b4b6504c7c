import type { Game } from "../../protocol/dispute/game.ts";
import { isRevert } from "../chain/revertError.ts";
import type { Dispute } from "../chain/types.ts";

/** The part of a dispute that the players think about. */
export function gameOf({ phase, position }: Dispute): Game {
  return { phase: phase === "none" ? "ended" : phase, position };
}

/** Whether a move failed because the game has moved on without it: made by somebody else, ended, or another one since a reorganisation. */
export function isMoveAlreadyMade(error: unknown): boolean {
  return isRevert(error, "MoveAlreadyMade", "DisputeOver", "CommitmentGone", "AnotherCommitment", "AnotherBlock");
}
