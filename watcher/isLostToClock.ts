import type { Dispute } from "../runtime/chain/types.ts";
import { isDefendersTurn } from "../runtime/disputes/defendDispute.ts";

/** Whether the challenger's time for its move is over, whether or not anybody has told the contract yet. */
export function isLostToClock(dispute: Dispute, now: number): boolean {
  return dispute.phase === "ended" ? dispute.outcome === "defenderWon" : !isDefendersTurn(dispute) && now > dispute.deadline;
}
