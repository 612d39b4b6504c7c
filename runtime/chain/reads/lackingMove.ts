import type { Dispute } from "../types.ts";
import type { DisputeMove } from "./readDisputeMoves.ts";

/** Each says of its own turn that it is over. */
const turning = new Set<DisputeMove["kind"]>(["reveal", "choose", "descend", "expand", "seal", "chunk", "answer"]);

/**
 * What the moves of a dispute lack to lead to where the contract says that it stands; undefined if nothing. Later moves than that do no harm.
 * Every turn leaves an event behind with its number, but for demands, which name the turn that answers, or that expands the block first.
 */
export function lackingMove({ turn, phase, demands, position }: Pick<Dispute, "turn" | "phase" | "demands" | "position">, moves: readonly DisputeMove[]): string | undefined {
  const has = (kind: DisputeMove["kind"], at?: number): boolean => moves.some((move) => move.kind === kind && (at === undefined || ("turn" in move && move.turn === at)));
  const isOver = (at: number): boolean => {
    if (moves.some((move) => turning.has(move.kind) && "turn" in move && move.turn === at)) return true;
    // A border is chosen without a choice in the tree, once its block has been expanded.
    if (moves.some((move) => move.kind === "tensor" && move.turn === at && move.source === 2)) return moves.some((move) => move.kind === "expand" && move.turn < at);
    return demands > 0 && (has("block", at + 1) || (has("demand", at + 1) && !has("block", at)));
  };
  if (!has("open")) return "opening";
  for (let at = 0; at < turn; at++) if (!isOver(at)) return `turn ${at}`;
  if (moves.filter(({ kind }) => kind === "demand").length < demands) return "demand";
  if (demands === 0 && position.byteLength > 0 && !has("tensor")) return "tensor";
  if (demands === 0 && position.innerCount > 0 && !has("block")) return "block";
  return phase === "ended" && !has("end") ? "end" : undefined;
}
