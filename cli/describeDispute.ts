import type { DisputeMove } from "../runtime/chain/reads/readDisputeMoves.ts";
import type { Dispute } from "../runtime/chain/types.ts";
import { isDefendersTurn } from "../runtime/disputes/defendDispute.ts";
import type { Verdict } from "../protocol/program/types.ts";
import { floatOfBits, floatText } from "./floatText.ts";
import { short, span } from "./parse.ts";

export type Side = "challenger" | "defender";

/** What is left on each side's clock. */
export interface Clocks {
  /** Whose clock runs; null once the dispute has ended. */
  toMove: Side | null;
  /** Seconds; of the side to move by the chain's clock now. */
  challenger: number;
  defender: number;
}

/** How the dispute is fought: by one sealed refutation, by bisection, or by demands. */
export function pathOf(dispute: Dispute): "refute" | "bisect" | "demand" {
  return dispute.demands > 0 ? "demand" : dispute.turn === 0 && dispute.seal !== undefined ? "refute" : "bisect";
}

/** The clocks at `now`, seconds of the chain's clock. */
export function clocksOf(dispute: Dispute, now: number): Clocks {
  const toMove = sideToMove(dispute);
  const left = Math.max(0, dispute.deadline - now);
  return { toMove, challenger: toMove === "challenger" ? left : dispute.challengerClock, defender: toMove === "defender" ? left : dispute.defenderClock };
}

function sideToMove(dispute: Dispute): Side | null {
  const { phase } = dispute;
  if (isDefendersTurn(dispute)) return "defender";
  return phase === "ended" || phase === "none" ? null : "challenger";
}

/** Who has won, in a word. */
export function winnerOf({ outcome }: Dispute): Side | "nobody" | null {
  return { none: null, challengerWon: "challenger", defenderWon: "defender", void: "nobody" }[outcome] as Side | "nobody" | null;
}

/** What the judge found: values in decimal, `sound` in words. */
export interface Conviction {
  step: number;
  element: number;
  claimed: string;
  lo: string;
  hi: string;
  nan: boolean;
  sound: string;
  transaction: string;
}

/** The verdict that ended the dispute, with its numbers; undefined if no refutation did. */
export function convictionIn(moves: readonly DisputeMove[]): Conviction | undefined {
  const move = moves.findLast((item) => item.kind === "refute");
  if (move === undefined || move.kind !== "refute") return undefined;
  const { claimed, lo, hi, nan } = move.verdict;
  return { step: move.stepIndex, element: move.element, claimed: floatText(claimed), lo: floatText(lo), hi: floatText(hi), nan, sound: soundText(move.verdict), transaction: move.transactionHash };
}

/** What would have been sound, in words. */
export function soundText({ lo, hi, nan }: Verdict): string {
  const interval = floatOfBits(lo) <= floatOfBits(hi) ? `from ${floatText(lo)} to ${floatText(hi)}` : undefined;
  return [interval, nan ? "NaN" : undefined].filter((part) => part !== undefined).join(", or ") || "nothing";
}

/** One move in a line. */
export function moveText(move: DisputeMove): string {
  switch (move.kind) {
    case "open":
      return `opened by ${move.challenger} against attempt ${move.attempt} of job ${move.jobId}`;
    case "reveal":
      return `turn ${move.turn}: defender reveals ${move.children.length} nodes below ${short(move.node)}`;
    case "choose":
      return `turn ${move.turn}: challenger chooses node ${move.index}, ${short(move.child)}`;
    case "tensor":
      return `turn ${move.turn}: the game reaches ${move.source === 3 ? "inner " : ""}tensor ${move.tensor}, step ${move.stepIndex}, ${move.byteLength} bytes`;
    case "chunk":
      return `turn ${move.turn}: defender reveals chunk ${move.chunk} of tensor ${move.tensor}, ${move.data.length} bytes`;
    case "block":
      return `the executor must expand block ${move.block}, ${move.innerCount} tensors inside, with turn ${move.turn}`;
    case "expand":
      return `turn ${move.turn}: executor commits the inside of block ${move.block}, ${short(move.innerRoot)}`;
    case "descend":
      return `turn ${move.turn}: challenger goes into block ${move.block}`;
    case "seal":
      return `turn ${move.turn}: challenger seals a refutation, ${short(move.seal)}`;
    case "demand":
      return `challenger demands element ${move.element} of step ${move.stepIndex}, to be answered by turn ${move.turn}`;
    case "answer":
      return `turn ${move.turn}: defender opens element ${move.witness.element} of step ${move.witness.stepIndex} and all that it is computed from`;
    case "refute":
      return `refuted: step ${move.stepIndex}, element ${move.element} was claimed to be ${floatText(move.verdict.claimed)}`;
    case "end":
      return `ended: ${move.outcome === "challengerWon" ? "the challenger won" : move.outcome === "defenderWon" ? "the defender won" : "void, convicted by another dispute"}; the bond goes to ${move.bondTo}`;
  }
}

/** Phase and clocks in a phrase. */
export function phaseText(dispute: Dispute, clocks: Clocks): string {
  if (clocks.toMove === null) return `ended, ${{ none: "without outcome", challengerWon: "the challenger won", defenderWon: "the defender won", void: "void" }[dispute.outcome]}`;
  return `${dispute.phase}: waits for the ${clocks.toMove}, ${span(clocks[clocks.toMove])} left`;
}
