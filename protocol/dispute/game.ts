import type { Hex } from "../hex.ts";

/** Whose move it is, and which: the defender's are `reveal`, `revealChunk` and `answer`, all others the challenger's. */
export type GamePhase = "sealed" | "reveal" | "choose" | "revealChunk" | "refute" | "answer" | "demand" | "ended";

/** Where a bisection stands; the twin of the Solidity struct `Position`. While `byteLength` is 0 it descends the trace tree. */
export interface GamePosition {
  node: Hex;
  atRoot: boolean;
  levels: number;
  index: number;
  tensor: number;
  stepIndex: number;
  byteLength: number;
}

/** What both players read from the chain before a move. */
export interface Game {
  phase: GamePhase;
  position: GamePosition;
}

export type DefenderMove = { kind: "reveal"; children: Uint8Array[] } | { kind: "revealChunk"; data: Uint8Array };

export type ChallengerMove =
  | { kind: "choose"; index: number; child: Uint8Array; siblings: Uint8Array[] }
  | { kind: "chooseTensor"; index: number; child: Uint8Array; siblings: Uint8Array[]; tensor: number; stepIndex: number };
