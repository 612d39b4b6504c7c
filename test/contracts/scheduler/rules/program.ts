import type { TensorName } from "./calls.ts";

/** A tensor by the number of its chunks (protocol.md §1) and of its elements. */
export interface TensorShape {
  chunks: number;
  elements: number;
}

export interface StepFacts {
  defines: TensorName;
  block: number;
  /** Whether its witness needs the inner trace of its block: it reads or defines an inner tensor. */
  needsInner: boolean;
}

export interface BlockFacts {
  borders: readonly number[];
  inner: readonly TensorShape[];
}

/** What the rules of a dispute know of a program. */
export interface Program {
  trace: readonly TensorShape[];
  steps: readonly StepFacts[];
  blocks: readonly BlockFacts[];
}

/** The depth of the tree over n leaves: d = ceil(log2 n) (protocol.md §1). */
export function depthOf(leaves: number): number {
  return leaves <= 1 ? 0 : Math.ceil(Math.log2(leaves));
}

export function tensorOf(program: Program, block: number, name: TensorName): TensorShape {
  const tensor = name.source === 2 ? program.trace[name.index] : program.blocks[block]?.inner[name.index];
  if (tensor === undefined) throw new Error(`The program has no tensor ${name.source}/${name.index}.`);
  return tensor;
}
