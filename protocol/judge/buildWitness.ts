import type { Hex } from "../hex.ts";
import { encodeStep } from "../program/codec.ts";
import { elementReader } from "../program/elements.ts";
import { dtypeBytes, type Opening, type ProgramHeader, type Range, type Step, type Witness } from "../program/types.ts";
import { buildTree, pathProof, rangeProof } from "../trees/merkle.ts";
import { CHUNK_BYTES, tensorTree } from "../trees/tensorTree.ts";
import { chosenOperand, elementsRead, type ElementRun } from "./taps.ts";

/** A committed tensor in the hands of whoever builds a witness. */
export interface CommittedTensor {
  bytes: Uint8Array;
  /** Concatenated chunk hashes. */
  leaves: Uint8Array;
  root: Hex;
  /** Path of the root in the trace, inner or inputs list; empty for a weight. */
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

/**
 * The smallest witness for one element: exactly the chunks that the judge reads, neighbouring chunks as one range. Which ones a
 * gather reads depends on its indices, so the operands' bytes must be at hand.
 */
export function buildWitness(parts: WitnessParts): Witness {
  const { header, stepIndex, step, element, tensors } = parts;
  return {
    header,
    stepIndex,
    step: encodeStep(step),
    stepProof: pathProof(buildTree(parts.stepHashes), stepIndex),
    element,
    result: openTensor(tensors.result, [{ first: element, count: 1 }], dtypeBytes[step.result.dtype]),
    operands: openOperands(step, element, tensors.operands),
  };
}

/** The openings of a step's operands that the judge needs for one element. */
export function openOperands(step: Step, element: number, tensors: readonly CommittedTensor[]): Opening[] {
  const readers = step.operands.map(({ dtype }, i) => elementReader((tensors[i] as CommittedTensor).bytes, dtype));
  const reads = elementsRead(step, element, (operand, at) => (readers[operand] as (typeof readers)[number])(at));
  const only = chosenOperand(step, element);
  return tensors.map((tensor, i) => {
    if (only !== undefined && only !== i) return unopened;
    return openTensor(tensor, reads[i] ?? [], dtypeBytes[(step.operands[i] as Step["operands"][number]).dtype]);
  });
}

/** In place of the opening of an operand that the judge does not look at. */
const unopened: Opening = { root: `0x${"00".repeat(32)}`, proof: [], ranges: [] };

/** Opens the chunks of a tensor that hold the runs, which must be ascending; elements have `size` bytes. */
export function openTensor(tensor: CommittedTensor, runs: readonly ElementRun[], size = 4): Opening {
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
    const first = Math.floor((run.first * size) / CHUNK_BYTES);
    const last = Math.floor(((run.first + run.count) * size - 1) / CHUNK_BYTES);
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
