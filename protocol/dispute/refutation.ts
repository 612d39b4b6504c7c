import { GainsayError } from "../errors.ts";
import { toHex } from "../hex.ts";
import { buildWitness, openOperands } from "../judge/buildWitness.ts";
import { encodeStep, stepHash } from "../program/codec.ts";
import { dtypeBytes, sources, type Program, type Step, type Witness } from "../program/types.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import { buildTree, pathProof, type MerkleTree } from "../trees/merkle.ts";
import { CHUNK_BYTES, tensorRootFromTop, tensorTree } from "../trees/tensorTree.ts";
import { childPosition, revealedChildren } from "./bisection.ts";
import { traceTree } from "./defenderMove.ts";
import { PartialTree, type Reveal } from "./partialTree.ts";
import type { Replay } from "./replay.ts";
import { resultOf, tensorOf, type ExecutionTensors } from "./stepOperands.ts";

/** Merkle tree over the hashes of all descriptors of a program. */
export function stepsTree(program: Program): MerkleTree {
  return buildTree(new Uint8Array(Buffer.concat(program.steps.map(stepHash))));
}

/**
 * The witness for one element of a step, by whoever holds the executor's trace, and the inner trace of the step's block if the step is
 * inside of it. Throws `OPERAND_UNKNOWN`.
 */
export function refutationFromTrace(program: Program, tensors: ExecutionTensors, stepIndex: number, element: number): Witness {
  const step = program.steps[stepIndex] as Step;
  const proofOf = pathsOf(step, tensors);
  return buildWitness({
    header: program.header,
    stepIndex,
    step,
    stepHashes: stepsTree(program).levels[0] as Uint8Array,
    element,
    tensors: {
      result: { ...resultOf(step, tensors), proof: proofOf(step.result) },
      operands: step.operands.map((operand) => ({ ...tensorOf(operand, tensors, step.blockIndex), proof: proofOf(operand) })),
    },
  });
}

/** Path proofs of the tensors that a step reads and defines, in the lists of an execution that is known as a whole. */
export function pathsOf(step: Step, tensors: ExecutionTensors): (place: { source: number; index: number }) => Uint8Array[] {
  const trees = new Map<number, MerkleTree>();
  return ({ source, index }) => {
    if (source === sources.weight) return [];
    let tree = trees.get(source);
    if (tree === undefined) {
      const list = source === sources.input ? tensors.inputs : source === sources.trace ? tensors.trace : tensors.inner?.(step.blockIndex);
      tree = traceTree(list ?? []);
      trees.set(source, tree);
    }
    return pathProof(tree, index);
  };
}

/** The disputed chunk at the end of a bisection, as part of the executor's trace. */
export interface DisputedChunk {
  stepIndex: number;
  /** First element of the chunk, and the elements in it. */
  first: number;
  count: number;
  /** Tensors that the disputed step reads and defines: the challenger's own, with the revealed chunk in place. */
  tensors: ExecutionTensors;
}

/**
 * The disputed chunk as the judge will see it. The game went to the left-most difference, so all that the step reads is the
 * challenger's own; of the step's tensor only the revealed chunk matters. Throws `CHUNK_NOT_SHOWN` before the last reveal.
 */
export function disputedChunk(program: Program, own: ExecutionTensors, shown: Replay, stepIndex: number): DisputedChunk {
  const { tensor, chunk } = endOf(shown);
  const { result, blockIndex } = program.steps[stepIndex] as Step;
  const elementBytes = dtypeBytes[result.dtype];
  const mine = resultOf({ result, blockIndex }, own);
  const bytes = new Uint8Array(mine.bytes);
  bytes.set(chunk.data, chunk.index * CHUNK_BYTES);
  const replaced = (list: readonly CommittedTensor[]): CommittedTensor[] => list.map((other, i) => (i === tensor.index ? { ...mine, bytes } : other));
  const tensors = result.source === sources.inner ? { ...own, inner: (block: number) => (block === blockIndex ? replaced(own.inner?.(block) ?? []) : own.inner?.(block)) } : { ...own, trace: replaced(own.trace) };
  return { stepIndex, first: (chunk.index * CHUNK_BYTES) / elementBytes, count: chunk.data.length / elementBytes, tensors };
}

/**
 * The witness for one element of the disputed chunk, with the proofs that the bisection has shown; those in the posted trace are taken
 * from `posted` where it is at hand. Throws `CHUNK_NOT_SHOWN`, `NODE_UNKNOWN`.
 */
export function refutationFromBisection(program: Program, own: ExecutionTensors, shown: Replay, stepIndex: number, element: number, posted?: readonly CommittedTensor[]): Witness {
  const { tensor, chunk } = endOf(shown);
  const step = program.steps[stepIndex] as Step;
  const mine = resultOf(step, own);
  const chunks = new PartialTree(tensorTree(mine.leaves, tensor.byteLength), shown.tensorReveals, chunk.index);
  const lists = shownLists(own, shown, step, posted);
  const proofOf = ({ source, index }: { source: number; index: number }): Uint8Array[] => (source === sources.weight ? [] : lists(source).rangeProof(index, 1));
  return {
    header: program.header,
    stepIndex,
    step: encodeStep(step),
    stepProof: pathProof(stepsTree(program), stepIndex),
    element,
    result: {
      root: toHex(tensorRootFromTop(tensor.byteLength, chunks.node(chunks.depth, 0))),
      proof: proofOf(step.result),
      ranges: [{ first: chunk.index, data: chunk.data, siblings: chunks.rangeProof(chunk.index, 1) }],
    },
    operands: openOperands(
      step,
      element,
      step.operands.map((operand) => ({ ...tensorOf(operand, own, step.blockIndex), proof: proofOf(operand) })),
    ),
  };
}

/** The executor's lists of tensors as far as they are known: up to the left-most difference the own ones, and what the reveals have shown. */
function shownLists(own: ExecutionTensors, shown: Replay, step: Step, posted: readonly CommittedTensor[] | undefined): (source: number) => PartialTree {
  const agreed = (list: readonly CommittedTensor[]): PartialTree => new PartialTree(traceTree(list), [], list.length);
  const upTo = (list: readonly CommittedTensor[], reveals: readonly Reveal[], leaf?: number): PartialTree => {
    const tree = traceTree(list);
    return new PartialTree(tree, reveals, leaf ?? firstDifference(tree, reveals));
  };
  return (source) => {
    if (source === sources.input) return agreed(own.inputs);
    if (source === sources.trace) return posted === undefined ? upTo(own.trace, shown.traceReveals, shown.traceLeaf) : agreed(posted);
    const inner = own.inner?.(step.blockIndex) ?? [];
    return upTo(inner, shown.innerReveals, step.result.source === sources.inner ? step.result.index : undefined);
  };
}

/** The first leaf below the left-most node that the last reveal showed to differ; beyond the last leaf if there was no reveal. */
function firstDifference(own: MerkleTree, reveals: readonly Reveal[]): number {
  const last = reveals.at(-1);
  if (last === undefined) return own.count;
  const mine = revealedChildren(own, last.position);
  const child = last.children.findIndex((hash, i) => !Buffer.from(hash).equals(mine[i] as Uint8Array));
  const { height, index } = childPosition(last.position, child);
  return index * 2 ** height;
}

function endOf({ tensor, chunk }: Replay): { tensor: NonNullable<Replay["tensor"]>; chunk: NonNullable<Replay["chunk"]> } {
  if (tensor === undefined || chunk === undefined) throw new GainsayError("The disputed chunk has not been revealed yet.", { code: "CHUNK_NOT_SHOWN" });
  return { tensor, chunk };
}
