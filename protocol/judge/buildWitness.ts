import type { Hex } from "../hex.ts";
import { encodeStep } from "../program/codec.ts";
import type { Opening, ProgramHeader, Range, Step, Witness } from "../program/types.ts";
import { buildTree, pathProof, rangeProof } from "../trees/merkle.ts";
import { CHUNK_BYTES, tensorTree } from "../trees/tensorTree.ts";
import { elementsRead, type ElementRun } from "./taps.ts";

const ELEMENT_BYTES = 4;

/** A committed tensor in the hands of whoever builds a witness. */
export interface CommittedTensor {
  bytes: Uint8Array;
  /** Concatenated chunk hashes. */
  leaves: Uint8Array;
  root: Hex;
  /** Path of the root in the trace or inputs list; empty for a weight. */
  proof: Uint8Array[];
}

export interface WitnessParts {
  header: ProgramHeader;
  stepIndex: number;
  step: Step;
  /** Concatenated hashes of all descriptors of the program. */
  stepHashes: Uint8Array;
  element: number;
  tensors: { result: CommittedTensor; operands: readonly CommittedTensor[] };
}

/** The smallest witness for one element: exactly the chunks that the judge reads, neighbouring chunks as one range. */
export function buildWitness(parts: WitnessParts): Witness {
  const { header, stepIndex, step, element, tensors } = parts;
  const reads = elementsRead(step, element);
  return {
    header,
    stepIndex,
    step: encodeStep(step),
    stepProof: pathProof(buildTree(parts.stepHashes), stepIndex),
    element,
    result: openTensor(tensors.result, [{ first: element, count: 1 }]),
    operands: tensors.operands.map((tensor, i) => openTensor(tensor, reads[i] ?? [])),
  };
}

/** Opens the chunks of a tensor of 4-byte elements that hold the runs, which must be ascending. */
export function openTensor(tensor: CommittedTensor, runs: readonly ElementRun[]): Opening {
  const tree = tensorTree(tensor.leaves, tensor.bytes.length);
  const ranges: Range[] = [];
  let from = -1;
  let to = -1;
  const flush = (): void => {
    if (from < 0) return;
    ranges.push({
      first: from,
      data: tensor.bytes.slice(from * CHUNK_BYTES, Math.min((to + 1) * CHUNK_BYTES, tensor.bytes.length)),
      siblings: rangeProof(tree, from, to - from + 1),
    });
  };
  for (const run of runs) {
    const first = Math.floor((run.first * ELEMENT_BYTES) / CHUNK_BYTES);
    const last = Math.floor(((run.first + run.count) * ELEMENT_BYTES - 1) / CHUNK_BYTES);
    if (from >= 0 && first <= to + 1) {
      to = Math.max(to, last);
    } else {
      flush();
      from = first;
      to = last;
    }
  }
  flush();
  return { root: tensor.root, proof: tensor.proof, ranges };
}
