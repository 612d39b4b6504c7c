import { need } from "./refuse.ts";
import type { Dispute, Phase, Setting, Side, State } from "./state.ts";

const movers: Record<Phase, Side | null> = {
  sealed: "challenger", choose: "challenger", refute: "challenger", expanded: "challenger", demand: "challenger",
  reveal: "defender", revealChunk: "defender", expand: "defender", answer: "defender",
  ended: null,
};

/** The side whose clock runs, or null when the dispute is over. */
export function moverOf(dispute: Dispute): Side | null {
  return movers[dispute.phase];
}

/** The last second of the side whose clock runs. */
export function deadlineOf(dispute: Dispute): number {
  const mover = moverOf(dispute);
  if (mover === null) throw new Error("No clock of a dispute runs once it is over.");
  return dispute.turnStart + dispute.clocks[mover];
}

export function needTime(state: State, dispute: Dispute): void {
  need(state.now <= deadlineOf(dispute), "ClockRanOut");
}

/** Ends the turn of the mover: its clock loses what the turn took, and the next phase begins. `extended` has at least the extension then. */
export function pass(state: State, setting: Setting, dispute: Dispute, phase: Phase, extended?: Side): void {
  const mover = moverOf(dispute);
  if (mover !== null) dispute.clocks[mover] -= state.now - dispute.turnStart;
  dispute.turnStart = state.now;
  dispute.turn += 1;
  dispute.phase = phase;
  if (extended !== undefined) dispute.clocks[extended] = Math.max(dispute.clocks[extended], setting.extension);
}
