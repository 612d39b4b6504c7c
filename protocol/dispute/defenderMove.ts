import { GainsayError } from "../errors.ts";
import { fromHex } from "../hex.ts";
import { buildTree, type MerkleTree } from "../trees/merkle.ts";
import { chunkAt, tensorTree } from "../trees/tensorTree.ts";
import { revealedChildren } from "./bisection.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import type { DefenderMove, Game } from "./game.ts";

/**
 * The move that answers a bisection, for whoever holds the committed trace. Returns undefined when it is not the defender's turn.
 * Throws `TRACE_NOT_DISPUTED` if the game is about another trace.
 */
export function defenderMove(game: Game, tensors: readonly CommittedTensor[]): DefenderMove | undefined {
  const { position } = game;
  if (game.phase === "revealChunk") return { kind: "revealChunk", data: chunkAt(disputedTensor(game, tensors).bytes, position.index) };
  if (game.phase !== "reveal") return undefined;
  return { kind: "reveal", children: revealedChildren(treeOf(game, tensors), { height: position.levels, index: position.index }) };
}

/** The tree that the game descends now: of the trace, or of the disputed tensor. */
export function treeOf(game: Game, tensors: readonly CommittedTensor[]): MerkleTree {
  if (game.position.byteLength === 0) return traceTree(tensors);
  const tensor = disputedTensor(game, tensors);
  return tensorTree(tensor.leaves, tensor.bytes.length);
}

/** Merkle tree over the tensor roots of a trace. */
export function traceTree(tensors: readonly Pick<CommittedTensor, "root">[]): MerkleTree {
  return buildTree(new Uint8Array(Buffer.concat(tensors.map(({ root }) => fromHex(root)))));
}

function disputedTensor({ position }: Game, tensors: readonly CommittedTensor[]): CommittedTensor {
  const tensor = tensors[position.tensor];
  // The game goes by the length that the program gives the tensor; a tensor of another length has no such nodes.
  if (tensor === undefined || tensor.bytes.length !== position.byteLength) {
    throw new GainsayError("The dispute is about a tensor that the trace does not have.", { code: "TRACE_NOT_DISPUTED", details: { tensor: position.tensor, tensors: tensors.length, byteLength: position.byteLength, given: tensor?.bytes.length } });
  }
  return tensor;
}
