import { GainsayError } from "../errors.ts";
import { toHex } from "../hex.ts";
import { sources, type Block, type Program } from "../program/types.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import { childPosition, chooseChild } from "./bisection.ts";
import { innerRootOf, innerTrace, traceTree, treeOf } from "./defenderMove.ts";
import { definingStep, stepOfTrace } from "./definingStep.ts";
import type { ChallengerMove, Game, GamePosition } from "./game.ts";
import { PartialTree } from "./partialTree.ts";
import type { Replay } from "./replay.ts";
import type { CommittedTrace } from "./stepOperands.ts";

/** What the challenger knows besides the game. */
export interface ChallengerView {
  program: Program;
  /** Its own execution; after `openBlock` with `posted`, the disputed block run again from the borders that are posted. */
  own: CommittedTrace;
  shown: Replay;
  /** The executor's posted trace, if it could be had. */
  posted?: readonly CommittedTensor[];
}

/**
 * The challenger's next move of a bisection: towards the left-most difference in the order of the program, so that everything the
 * disputed step reads is agreed upon. In a list of tensors it names the block or the step at a leaf; of a block that was expanded it
 * goes into the inner trace, unless the border tensor comes before what differs there. Returns undefined when it is not its turn, or when
 * only a refutation is left. Throws `NOTHING_TO_DISPUTE`.
 */
export function challengerMove(game: Game, view: ChallengerView): ChallengerMove | undefined {
  if (game.phase === "expanded") return fromBlock(game.position, view);
  return game.phase === "choose" ? choice(game.position, view) : undefined;
}

function choice(position: GamePosition, view: ChallengerView): ChallengerMove {
  const { program, own, shown } = view;
  const { byteLength, source, blockIndex } = position;
  const inList = byteLength === 0;
  const reveals = !inList ? shown.tensorReveals : source === sources.inner ? shown.innerReveals : shown.traceReveals;
  const last = reveals.at(-1);
  if (last === undefined) throw new GainsayError("The record of the dispute lacks the reveal that has to be answered.", { code: "RECORD_MALFORMED" });
  const at = { height: position.levels, index: position.index };
  const chosen = chooseChild(treeOf(position, own), at, last.children);
  const next = childPosition(at, chosen.index);
  if (!inList) return { kind: "choose", ...chosen };
  if (source === sources.inner) {
    const tensor = disputedBorder(position, view);
    if (tensor !== undefined && next.index * 2 ** next.height >= innerBefore(program, blockIndex, tensor)) return chooseBorder(tensor, view);
    if (next.height > 0) return { kind: "choose", ...chosen };
    return { kind: "chooseTensor", ...chosen, tensor: next.index, stepIndex: definingStep(program, sources.inner, blockIndex, next.index) };
  }
  if (next.height > 0) return { kind: "choose", ...chosen };
  const stepIndex = stepOfTrace(program, next.index);
  const block = program.steps[stepIndex]?.blockIndex ?? 0;
  if ((program.blocks[block]?.innerCount ?? 0) > 0) return { kind: "chooseBlock", ...chosen, tensor: next.index, blockIndex: block };
  return { kind: "chooseTensor", ...chosen, tensor: next.index, stepIndex };
}

function fromBlock(position: GamePosition, view: ChallengerView): ChallengerMove {
  const { program, own } = view;
  const tensor = disputedBorder(position, view);
  const agreed = innerRootOf(innerTrace(position, own)) === position.innerRoot.toLowerCase();
  if (tensor !== undefined && (agreed || innerBefore(program, position.blockIndex, tensor) === 0)) return chooseBorder(tensor, view);
  if (!agreed) return { kind: "descend" };
  throw new GainsayError("The inner trace and all border tensors of the block agree with the own ones; there is nothing to dispute.", { code: "NOTHING_TO_DISPUTE" });
}

/** The first border of the block that is not the own one: a leaf of the posted trace that the game reached, or one of the trace at hand. */
function disputedBorder({ blockIndex }: GamePosition, { program, own, shown, posted }: ChallengerView): number | undefined {
  if (shown.traceLeaf !== undefined) return shown.traceLeaf;
  const { borders } = program.blocks[blockIndex] as Block;
  return borders.find((tensor) => posted !== undefined && posted[tensor]?.root !== own.trace[tensor]?.root);
}

/** How many tensors of a block's inner trace are defined before border `tensor`. */
function innerBefore(program: Program, block: number, tensor: number): number {
  return program.steps.slice(0, stepOfTrace(program, tensor)).filter(({ result, blockIndex }) => result.source === sources.inner && blockIndex === block).length;
}

function chooseBorder(tensor: number, { program, own, shown, posted }: ChallengerView): ChallengerMove {
  const tree = posted === undefined ? new PartialTree(traceTree(own.trace), shown.traceReveals, tensor) : new PartialTree(traceTree(posted), [], posted.length);
  return { kind: "chooseBorder", tensor, stepIndex: stepOfTrace(program, tensor), root: toHex(tree.node(0, tensor)), proof: tree.rangeProof(tensor, 1) };
}
