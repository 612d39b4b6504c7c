import type { Hex } from "../hex.ts";
import type { Source } from "../program/types.ts";

/** Whose move it is, and which: the defender's are `reveal`, `revealChunk`, `answer` and `expand`, all others the challenger's. */
export type GamePhase = "sealed" | "reveal" | "choose" | "revealChunk" | "refute" | "answer" | "demand" | "expand" | "expanded" | "ended";

/**
 * Where a dispute stands; the twin of the Solidity struct `Position`. While `byteLength` is 0 a bisection descends a list of tensors:
 * the posted trace (`source` 2), or the inner trace of block `blockIndex` (`source` 3).
 */
export interface GamePosition {
  node: Hex;
  atRoot: boolean;
  levels: number;
  index: number;
  source: number;
  tensor: number;
  stepIndex: number;
  byteLength: number;
  /** The block that is expanded or to be expanded; meaningful if `innerCount` is not 0. */
  blockIndex: number;
  innerCount: number;
  /** Zero before the block is expanded. */
  innerRoot: Hex;
}

/** What both players read from the chain before a move. */
export interface Game {
  phase: GamePhase;
  position: GamePosition;
}

/** A tensor of an execution, by where descriptors say it stands; `block` is that of an inner trace. */
export interface TensorPlace {
  source: Source;
  block: number;
  index: number;
}

export type DefenderMove =
  | { kind: "reveal"; children: Uint8Array[] }
  | { kind: "revealChunk"; data: Uint8Array }
  /** The executor's alone. */
  | { kind: "expand"; innerRoot: Hex };

export type ChallengerMove =
  | { kind: "choose"; index: number; child: Uint8Array; siblings: Uint8Array[] }
  | { kind: "chooseTensor"; index: number; child: Uint8Array; siblings: Uint8Array[]; tensor: number; stepIndex: number }
  | { kind: "chooseBlock"; index: number; child: Uint8Array; siblings: Uint8Array[]; tensor: number; blockIndex: number }
  | { kind: "descend" }
  | { kind: "chooseBorder"; tensor: number; stepIndex: number; root: Hex; proof: Uint8Array[] };
