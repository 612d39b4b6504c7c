import type { Hex } from "viem";
import { childChoice, revealedChildren } from "../../../protocol/dispute/bisection.ts";
import { toHex } from "../../../protocol/hex.ts";
import { pathProof, type MerkleTree } from "../../../protocol/trees/merkle.ts";
import { chunkAt } from "../../../protocol/trees/tensorTree.ts";
import type { Call, Role, World } from "./createWorld.ts";
import { treeOf, type TestProgram, type TestTrace } from "./program.ts";

/** A game of bisection played from the chain's state, with the committed trace at hand. */
export interface Game {
  world: World;
  program: TestProgram;
  trace: TestTrace;
  disputeId: bigint;
  challenger?: Role;
  defender?: Role;
}

/** The tree that the game is in, and its position there. */
async function stateOf(game: Game) {
  const dispute = await game.world.dispute(game.disputeId);
  const { position } = dispute;
  const tree: MerkleTree = position.byteLength === 0n ? game.trace.tree : treeOf(game.trace, position.tensor);
  return { dispute, tree, at: { height: position.levels, index: Number(position.index) } };
}

/** The defender's answer to the current node. */
export async function childrenNow(game: Game): Promise<Hex[]> {
  const { tree, at } = await stateOf(game);
  return revealedChildren(tree, at).map(toHex);
}

export async function reveal(game: Game, children?: Hex[], call: Partial<Call> = {}) {
  const { dispute } = await stateOf(game);
  return game.world.send("disputes", "reveal", [game.disputeId, dispute.turn, children ?? (await childrenNow(game))], { from: game.defender ?? "stranger", ...call });
}

/** Arguments of the choice that leads to leaf `leaf` of the current tree. */
export async function choiceTowards(game: Game, leaf: number) {
  const { dispute, tree, at } = await stateOf(game);
  const levels = Math.min(4, at.height);
  const index = Math.floor(leaf / 2 ** (at.height - levels)) - at.index * 2 ** levels;
  const children = revealedChildren(tree, at);
  const choice = childChoice(children, index);
  const args = [game.disputeId, dispute.turn, BigInt(index), toHex(choice.child), choice.siblings.map(toHex)] as const;
  return { args, atLeaf: at.height === levels, inTrace: dispute.position.byteLength === 0n };
}

export function namedStep(program: TestProgram, stepIndex: number) {
  return [stepIndex, program.steps[stepIndex] as Hex, pathProof(program.stepTree, stepIndex).map(toHex)] as const;
}

export async function choose(game: Game, leaf: number, call: Partial<Call> = {}) {
  const { args, atLeaf, inTrace } = await choiceTowards(game, leaf);
  const from = game.challenger ?? "challenger";
  return atLeaf && inTrace
    ? game.world.send("disputes", "chooseTensor", [...args, ...namedStep(game.program, leaf)], { from, ...call })
    : game.world.send("disputes", "choose", args, { from, ...call });
}

/** Plays the whole descent of the current tree to leaf `leaf`; returns gas by move. */
export async function descend(game: Game, leaf: number): Promise<bigint[]> {
  const gas: bigint[] = [];
  const start = (await stateOf(game)).dispute.position.byteLength;
  for (;;) {
    gas.push((await reveal(game)).gas, (await choose(game, leaf)).gas);
    const { dispute } = await stateOf(game);
    if (dispute.position.byteLength !== start || dispute.phase === 4) return gas;
  }
}

export async function revealChunk(game: Game, data?: Hex, call: Partial<Call> = {}) {
  const { dispute } = await stateOf(game);
  const bytes = game.trace.tensors[dispute.position.tensor] as Uint8Array;
  return game.world.send("disputes", "revealChunk", [game.disputeId, dispute.turn, data ?? toHex(chunkAt(bytes, Number(dispute.position.index)))], { from: game.defender ?? "stranger", ...call });
}
