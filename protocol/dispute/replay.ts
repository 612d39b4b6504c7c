import { GainsayError } from "../errors.ts";
import type { Hex } from "../hex.ts";
import { depthOf } from "../trees/merkle.ts";
import { chunkCount } from "../trees/tensorTree.ts";
import { childPosition, type TreePosition } from "./bisection.ts";
import type { Reveal } from "./partialTree.ts";

/** What a bisection's record consists of, oldest first. Other things that happen in a dispute do not matter here. */
export type RecordedMove =
  | { kind: "reveal"; children: readonly Uint8Array[] }
  /** `index` of the chosen node within its level of the tree. */
  | { kind: "choose"; index: number }
  | { kind: "tensor"; source: number; tensor: number; byteLength: number }
  | { kind: "block"; block: number; innerCount: number }
  | { kind: "expand"; innerRoot: Hex }
  | { kind: "descend" }
  | { kind: "chunk"; chunk: number; data: Uint8Array };

/** What a bisection has shown so far. */
export interface Replay {
  traceReveals: Reveal[];
  innerReveals: Reveal[];
  tensorReveals: Reveal[];
  /** The leaf of the posted trace that the descent has reached, of a tensor or of one of the block's borders. */
  traceLeaf?: number;
  /** The block that was named, and the inner root once the executor has given it. */
  block?: { index: number; innerCount: number; innerRoot?: Hex };
  /** The tensor that the game has come to; its `source` is 2 in the posted trace and 3 in the block's inner trace. */
  tensor?: { source: number; index: number; byteLength: number };
  chunk?: { index: number; data: Uint8Array };
}

/** Plays the record of a bisection of a trace with `traceCount` tensors. Throws `RECORD_MALFORMED` for a record that cannot be. */
export function replay(traceCount: number, moves: readonly RecordedMove[]): Replay {
  const shown: Replay = { traceReveals: [], innerReveals: [], tensorReveals: [] };
  let reveals = shown.traceReveals;
  let position: TreePosition = { height: depthOf(traceCount), index: 0 };
  for (const move of moves) {
    switch (move.kind) {
      case "reveal":
        reveals.push({ position, children: [...move.children] });
        break;
      case "choose":
        position = { height: childPosition(position, 0).height, index: move.index };
        if (position.height === 0 && reveals === shown.traceReveals) shown.traceLeaf = position.index;
        break;
      case "tensor":
        if (shown.tensor !== undefined) throw malformed("A bisection names two tensors.");
        shown.tensor = { source: move.source, index: move.tensor, byteLength: move.byteLength };
        reveals = shown.tensorReveals;
        position = { height: depthOf(chunkCount(move.byteLength)), index: 0 };
        break;
      case "block":
        if (shown.block !== undefined) throw malformed("A bisection names two blocks.");
        shown.block = { index: move.block, innerCount: move.innerCount };
        break;
      case "expand":
        if (shown.block === undefined) throw malformed("A bisection expands a block that was not named.");
        shown.block.innerRoot = move.innerRoot;
        break;
      case "descend":
        if (shown.block === undefined) throw malformed("A bisection descends a block that was not named.");
        reveals = shown.innerReveals;
        position = { height: depthOf(shown.block.innerCount), index: 0 };
        break;
      default:
        shown.chunk = { index: move.chunk, data: move.data };
    }
  }
  return shown;
}


function malformed(message: string): GainsayError {
  return new GainsayError(message, { code: "RECORD_MALFORMED" });
}
