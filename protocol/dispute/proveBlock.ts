import { blockHash, concat } from "../program/codec.ts";
import type { Block, Program, ProvedBlock } from "../program/types.ts";
import { buildTree, pathProof } from "../trees/merkle.ts";

/** Block `index` of a program with its proof, as the moves that need it take it. */
export function proveBlock(program: Program, index: number): ProvedBlock {
  const tree = buildTree(concat(program.blocks.map(blockHash)));
  return { index, content: program.blocks[index] as Block, proof: pathProof(tree, index) };
}
