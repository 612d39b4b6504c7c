import { GainsayError } from "../errors.ts";
import { chunkCount } from "../trees/tensorTree.ts";
import { depthOf } from "../trees/merkle.ts";
import { childPosition, type TreePosition } from "./bisection.ts";
import type { Reveal } from "./partialTree.ts";

/** What a bisection's record consists of, oldest first. Other things that happen in a dispute do not matter here. */
export type RecordedMove =
  | { kind: "reveal"; children: readonly Uint8Array[] }
  /** `index` of the chosen node within its level of the tree. */
  | { kind: "choose"; index: number }
  | { kind: "tensor"; tensor: number; byteLength: number }
  | { kind: "chunk"; chunk: number; data: Uint8Array };

/** What a bisection has shown so far. */
export interface Replay {
  traceReveals: Reveal[];
  tensorReveals: Reveal[];
  tensor?: { index: number; byteLength: number };
  chunk?: { index: number; data: Uint8Array };
}

/** Plays the record of a bisection of a trace with `traceCount` tensors. Throws `RECORD_MALFORMED` for a record that cannot be. */
export function replay(traceCount: number, moves: readonly RecordedMove[]): Replay {
  const shown: Replay = { traceReveals: [], tensorReveals: [] };
  let position: TreePosition = { height: depthOf(traceCount), index: 0 };
  for (const move of moves) {
    if (move.kind === "reveal") {
      (shown.tensor === undefined ? shown.traceReveals : shown.tensorReveals).push({ position, children: [...move.children] });
    } else if (move.kind === "choose") {
      const height = childPosition(position, 0).height;
      position = { height, index: move.index };
    } else if (move.kind === "tensor") {
      if (shown.tensor !== undefined) throw new GainsayError("A bisection names two tensors.", { code: "RECORD_MALFORMED" });
      shown.tensor = { index: move.tensor, byteLength: move.byteLength };
      position = { height: depthOf(chunkCount(move.byteLength)), index: 0 };
    } else {
      shown.chunk = { index: move.chunk, data: move.data };
    }
  }
  return shown;
}
