import { GainsayError } from "../errors.ts";
import { toHex } from "../hex.ts";
import { buildWitness, openOperands } from "../judge/buildWitness.ts";
import { encodeStep, stepHash } from "../program/codec.ts";
import { dtypeBytes, sources, type Program, type Step, type Witness } from "../program/types.ts";
import { buildTree, pathProof, type MerkleTree } from "../trees/merkle.ts";
import { CHUNK_BYTES, tensorRootFromTop, tensorTree } from "../trees/tensorTree.ts";
import { traceTree } from "./defenderMove.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";
import { PartialTree } from "./partialTree.ts";
import type { Replay } from "./replay.ts";
import { tensorOf, type ExecutionTensors } from "./stepOperands.ts";

/** Merkle tree over the hashes of all descriptors of a program. */
export function stepsTree(program: Program): MerkleTree {
  return buildTree(new Uint8Array(Buffer.concat(program.steps.map(stepHash))));
}

/** The witness for one element of a step, by whoever holds the executor's trace. */
export function refutationFromTrace(program: Program, tensors: ExecutionTensors, stepIndex: number, element: number): Witness {
  const step = program.steps[stepIndex] as Step;
  const trace = traceTree(tensors.trace);
  const inputs = traceTree(tensors.inputs);
  return buildWitness({
    header: program.header,
    stepIndex,
    step,
    stepHashes: stepsTree(program).levels[0] as Uint8Array,
    element,
    tensors: {
      result: { ...(tensors.trace[step.result.index] as CommittedTensor), proof: pathProof(trace, step.result.index) },
      operands: step.operands.map((operand) => ({
        ...tensorOf(operand, tensors, step.blockIndex),
        proof: operand.source === sources.trace ? pathProof(trace, operand.index) : operand.source === sources.input ? pathProof(inputs, operand.index) : [],
      })),
    },
  });
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
  const { tensor, chunk } = shown;
  if (tensor === undefined || chunk === undefined) throw new GainsayError("The disputed chunk has not been revealed yet.", { code: "CHUNK_NOT_SHOWN" });
  const elementBytes = dtypeBytes[(program.steps[stepIndex] as Step).result.dtype];
  const mine = own.trace[tensor.index] as CommittedTensor;
  const bytes = new Uint8Array(mine.bytes);
  bytes.set(chunk.data, chunk.index * CHUNK_BYTES);
  const trace = own.trace.map((other, i) => (i === tensor.index ? { ...mine, bytes } : other));
  return { stepIndex, first: (chunk.index * CHUNK_BYTES) / elementBytes, count: chunk.data.length / elementBytes, tensors: { ...own, trace } };
}

/** The witness for one element of the disputed chunk, with the proofs that the bisection has shown. */
export function refutationFromBisection(program: Program, own: ExecutionTensors, shown: Replay, stepIndex: number, element: number): Witness {
  const { tensor, chunk } = shown;
  if (tensor === undefined || chunk === undefined) throw new GainsayError("The disputed chunk has not been revealed yet.", { code: "CHUNK_NOT_SHOWN" });
  const step = program.steps[stepIndex] as Step;
  const trace = new PartialTree(traceTree(own.trace), shown.traceReveals, tensor.index);
  const mine = own.trace[tensor.index] as CommittedTensor;
  const chunks = new PartialTree(tensorTree(mine.leaves, tensor.byteLength), shown.tensorReveals, chunk.index);
  const inputs = traceTree(own.inputs);
  return {
    header: program.header,
    stepIndex,
    step: encodeStep(step),
    stepProof: pathProof(stepsTree(program), stepIndex),
    element,
    result: {
      root: toHex(tensorRootFromTop(tensor.byteLength, chunks.node(chunks.depth, 0))),
      proof: trace.rangeProof(tensor.index, 1),
      ranges: [{ first: chunk.index, data: chunk.data, siblings: chunks.rangeProof(chunk.index, 1) }],
    },
    operands: openOperands(
      step,
      element,
      step.operands.map((operand) => ({
        ...tensorOf(operand, own, step.blockIndex),
        proof: operand.source === sources.trace ? trace.rangeProof(operand.index, 1) : operand.source === sources.input ? pathProof(inputs, operand.index) : [],
      })),
    ),
  };
}
