import { GainsayError } from "../errors.ts";
import type { Program } from "../program/types.ts";
import { sources } from "../program/types.ts";
import { childPosition, chooseChild } from "./bisection.ts";
import { treeOf } from "./defenderMove.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import type { ChallengerMove, Game } from "./game.ts";

/**
 * The challenger's answer to a reveal: the left-most child that differs from its own trace. At a leaf of the trace it names the step that
 * defines the tensor. Returns undefined when it is not the challenger's turn to choose.
 */
export function challengerMove(game: Game, children: readonly Uint8Array[], program: Program, own: readonly CommittedTensor[]): ChallengerMove | undefined {
  if (game.phase !== "choose") return undefined;
  const at = { height: game.position.levels, index: game.position.index };
  const choice = chooseChild(treeOf(game, own), at, children);
  const next = childPosition(at, choice.index);
  if (game.position.byteLength > 0 || next.height > 0) return { kind: "choose", ...choice };
  return { kind: "chooseTensor", ...choice, tensor: next.index, stepIndex: stepOfTrace(program, next.index) };
}

/** The step that defines a tensor of the posted trace. */
export function stepOfTrace(program: Program, tensor: number): number {
  const step = program.steps.findIndex(({ result }) => result.source === sources.trace && result.index === tensor);
  if (step < 0) throw new GainsayError("No step of the program defines this trace tensor.", { code: "TRACE_NOT_DISPUTED", details: { tensor } });
  return step;
}
