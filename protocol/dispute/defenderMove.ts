import { GainsayError } from "../errors.ts";
import { fromHex, toHex, type Hex } from "../hex.ts";
import { sources } from "../program/types.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import { listRootFromTop } from "../trees/listTree.ts";
import { buildTree, type MerkleTree } from "../trees/merkle.ts";
import { chunkAt, tensorTree } from "../trees/tensorTree.ts";
import { revealedChildren } from "./bisection.ts";
import type { DefenderMove, Game, GamePosition } from "./game.ts";
import type { CommittedTrace } from "./stepOperands.ts";

/**
 * The move that answers a dispute, for whoever holds the committed trace; `expand` is for the executor alone. Answers to demands need
 * the whole execution: `refutationFromTrace`. Returns undefined when it is not the defender's turn.
 * Throws `TRACE_NOT_DISPUTED` if the game is about another trace, `INNER_TRACE_MISSING` if it is about a block whose inner trace is not
 * at hand.
 */
export function defenderMove(game: Game, committed: CommittedTrace): DefenderMove | undefined {
  const { position } = game;
  if (game.phase === "revealChunk") return { kind: "revealChunk", data: chunkAt(disputedTensor(position, committed).bytes, position.index) };
  if (game.phase === "expand") return { kind: "expand", innerRoot: innerRootOf(innerTrace(position, committed)) };
  if (game.phase !== "reveal") return undefined;
  return { kind: "reveal", children: revealedChildren(treeOf(position, committed), { height: position.levels, index: position.index }) };
}

/** The tree that the game descends now: of a list of tensors, or of the disputed tensor. */
export function treeOf(position: GamePosition, committed: CommittedTrace): MerkleTree {
  if (position.byteLength === 0) return traceTree(listOf(position, committed));
  const tensor = disputedTensor(position, committed);
  return tensorTree(tensor.leaves, tensor.bytes.length);
}

/** Merkle tree over the tensor roots of a trace. */
export function traceTree(tensors: readonly Pick<CommittedTensor, "root">[]): MerkleTree {
  return buildTree(new Uint8Array(Buffer.concat(tensors.map(({ root }) => fromHex(root)))));
}

/** List root of the inner trace of a block. Throws `TREE_EMPTY` for a block without one. */
export function innerRootOf(tensors: readonly Pick<CommittedTensor, "root">[]): Hex {
  const tree = traceTree(tensors);
  return toHex(listRootFromTop("inner", tree.count, tree.top));
}

/** The inner trace of the block that the game has named. Throws `INNER_TRACE_MISSING`. */
export function innerTrace({ blockIndex, innerCount }: GamePosition, committed: CommittedTrace): readonly CommittedTensor[] {
  const tensors = committed.inner?.(blockIndex);
  if (tensors === undefined || tensors.length !== innerCount) {
    throw new GainsayError("The inner trace of the disputed block is not at hand; run the block again.", { code: "INNER_TRACE_MISSING", details: { block: blockIndex, innerCount, given: tensors?.length } });
  }
  return tensors;
}

function listOf(position: GamePosition, committed: CommittedTrace): readonly CommittedTensor[] {
  return position.source === sources.inner ? innerTrace(position, committed) : committed.trace;
}

function disputedTensor(position: GamePosition, committed: CommittedTrace): CommittedTensor {
  const tensors = listOf(position, committed);
  const tensor = tensors[position.tensor];
  // The game goes by the length that the program gives the tensor; a tensor of another length has no such nodes.
  if (tensor === undefined || tensor.bytes.length !== position.byteLength) {
    throw new GainsayError("The dispute is about a tensor that the trace does not have.", { code: "TRACE_NOT_DISPUTED", details: { tensor: position.tensor, tensors: tensors.length, byteLength: position.byteLength, given: tensor?.bytes.length } });
  }
  return tensor;
}
