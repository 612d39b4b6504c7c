import { closeDispute } from "../chain/calls/closeDispute.ts";
import { timeoutDispute } from "../chain/calls/timeoutDispute.ts";
import { isRevert } from "../chain/revertError.ts";
import type { Sender } from "../chain/createSender.ts";
import type { Dispute } from "../chain/types.ts";
import { isMoveAlreadyMade } from "./game.ts";

/** Ends a dispute against the side whose clock ran out; that somebody else did so already is a success. */
export async function endDispute(sender: Sender, dispute: Dispute, signal?: AbortSignal): Promise<void> {
  try {
    await timeoutDispute(sender, dispute.id, { signal });
  } catch (error) {
    // The clock was a second late, or a move came in between: the next head tells.
    if (!isMoveAlreadyMade(error) && !isRevert(error, "ClockStillRuns")) throw error;
  }
}

/** Takes back the bond of a dispute whose commitment another dispute convicted. */
export async function reclaimBond(sender: Sender, dispute: Dispute, signal?: AbortSignal): Promise<void> {
  try {
    await closeDispute(sender, dispute.id, { signal });
  } catch (error) {
    if (!isRevert(error, "DisputeOver", "CommitmentStands")) throw error;
  }
}
