import { convict, executorOf } from "./jobs.ts";
import { credit } from "./money.ts";
import { need } from "./refuse.ts";
import type { Dispute, Outcome, Setting, State } from "./state.ts";

/** Whether the commitment that a dispute is against still waits for its window or its disputes. */
export function stands(state: State, dispute: Dispute): boolean {
  return state.job.status === "committed" && state.job.attempt === dispute.attempt;
}

export function needStanding(state: State, dispute: Dispute): void {
  need(stands(state, dispute), "CommitmentGone");
}

/** A conviction: all bonds of this dispute go back to its challenger, with the reward. */
export function win(state: State, setting: Setting, dispute: Dispute): void {
  credit(state, dispute.challenger, dispute.bond);
  convict(state, setting, dispute.challenger);
  end(dispute, "challengerWon");
}

/** The challenger has lost: all bonds are the executor's, and the commitment stands. */
export function lose(state: State, dispute: Dispute): void {
  credit(state, executorOf(state.job), dispute.bond);
  end(dispute, "defenderWon");
}

/** The commitment went with another dispute: all bonds go back. */
export function settleVoid(state: State, dispute: Dispute): void {
  credit(state, dispute.challenger, dispute.bond);
  end(dispute, "void");
}

function end(dispute: Dispute, outcome: Outcome): void {
  dispute.phase = "ended";
  dispute.outcome = outcome;
}
