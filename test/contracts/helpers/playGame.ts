import type { Hex } from "viem";
import { childChoice, revealedChildren } from "../../../protocol/dispute/bisection.ts";
import { toHex } from "../../../protocol/hex.ts";
import { pathProof, type MerkleTree } from "../../../protocol/trees/merkle.ts";
import { chunkAt } from "../../../protocol/trees/tensorTree.ts";
import type { Call, Role, World } from "./createWorld.ts";
import { provedBlock, stepAt, treeOf, type TestProgram, type TestTrace } from "./program.ts";

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
  const inner = position.source === 3 ? game.trace.inner[position.blockIndex] : undefined;
  const tree: MerkleTree = position.byteLength === 0n ? (inner ?? game.trace).tree : treeOf(game.trace, position.tensor, inner && position.blockIndex);
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
  const { source, blockIndex, byteLength } = dispute.position;
  return { args, atLeaf: at.height === levels, inTrace: byteLength === 0n, stepIndex: stepAt(game.program, source, leaf, blockIndex) };
}

export function namedStep(program: TestProgram, stepIndex: number) {
  return [stepIndex, program.steps[stepIndex] as Hex, pathProof(program.stepTree, stepIndex).map(toHex)] as const;
}

export async function choose(game: Game, leaf: number, call: Partial<Call> = {}) {
  const { args, atLeaf, inTrace, stepIndex } = await choiceTowards(game, leaf);
  const from = game.challenger ?? "challenger";
  return atLeaf && inTrace
    ? game.world.send("disputes", "chooseTensor", [...args, ...namedStep(game.program, stepIndex === -1 ? leaf : stepIndex)], { from, ...call })
    : game.world.send("disputes", "choose", args, { from, ...call });
}

/** At a leaf of the posted trace: names the block that defines the tensor instead of the step. */
export async function chooseBlock(game: Game, leaf: number, block: number, call: Partial<Call> = {}) {
  const { args } = await choiceTowards(game, leaf);
  return game.world.send("disputes", "chooseBlock", [...args, provedBlock(game.program, block)], { from: game.challenger ?? "challenger", ...call });
}

/** The executor's answer to a named block. */
export async function expand(game: Game, innerRoot?: Hex, call: Partial<Call> = {}) {
  const { turn, position } = await game.world.dispute(game.disputeId);
  return game.world.send("disputes", "expand", [game.disputeId, turn, innerRoot ?? game.trace.inner[position.blockIndex]?.root], { from: "executor", ...call });
}

/** Arguments of `chooseBorder` for border tensor `tensor`. */
export async function borderArgs(game: Game, tensor: number) {
  const { turn } = await game.world.dispute(game.disputeId);
  const root = toHex(game.trace.tree.levels[0]?.subarray(tensor * 32, tensor * 32 + 32) as Uint8Array);
  return [game.disputeId, turn, root, pathProof(game.trace.tree, tensor).map(toHex), ...namedStep(game.program, stepAt(game.program, 2, tensor))] as const;
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
  const { source, blockIndex, tensor } = dispute.position;
  const bytes = (source === 3 ? game.trace.inner[blockIndex] : game.trace)?.tensors[tensor] as Uint8Array;
  return game.world.send("disputes", "revealChunk", [game.disputeId, dispute.turn, data ?? toHex(chunkAt(bytes, Number(dispute.position.index)))], { from: game.defender ?? "stranger", ...call });
}
