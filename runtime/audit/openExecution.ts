import { innerRootOf, traceTree } from "../../protocol/dispute/defenderMove.ts";
import { pathsOf } from "../../protocol/dispute/refutation.ts";
import { isInner, resultOf, tensorOf, type ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { buildWitness } from "../../protocol/judge/buildWitness.ts";
import { claimOf } from "../../protocol/program/claim.ts";
import { concat, stepHash } from "../../protocol/program/codec.ts";
import { dtypeBytes, sources, type Claim, type Program, type Range, type Step, type Witness } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { listRootFromTop } from "../../protocol/trees/listTree.ts";
import { topFromRange } from "../../protocol/trees/merkle.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { CHUNK_BYTES, chunkCount, tensorRootFromTop } from "../../protocol/trees/tensorTree.ts";
import { writeElement } from "./elementTypes.ts";

/** A claim and a witness against it. */
export interface Case {
  claim: Claim;
  witness: Witness;
}

/** One execution, ready to be put before the judge element by element. */
export interface OpenExecution {
  readonly program: Program;
  readonly tensors: ExecutionTensors;
  /** The witness for an element of a step's result, as committed. */
  honest(stepIndex: number, element: number): Case;
  /** The same execution by somebody who committed to other bits at that one element: `honest` with all roots that follow. */
  forged(honest: Case, stepIndex: number, bits: bigint): Case;
}

/** Commits to the inputs and the trace of an execution, and to what is inside of the blocks whose steps are looked at. */
export function openExecution(program: Program, tensors: ExecutionTensors): OpenExecution {
  const stepHashes = concat(program.steps.map(stepHash));
  const inputRoot = rootOf("inputs", tensors.inputs);

  const claimFor = (step: Step, committed: ExecutionTensors): Claim => {
    const inner = isInner(step) ? committed.inner?.(step.blockIndex) : undefined;
    const commitment = { programRoot: program.root, inputRoot, traceRoot: rootOf("trace", committed.trace) };
    return claimOf(commitment, inner && { innerRoot: innerRootOf(inner), blockIndex: step.blockIndex, innerCount: inner.length });
  };

  return {
    program,
    tensors,
    honest(stepIndex, element) {
      const step = program.steps[stepIndex] as Step;
      const proofOf = pathsOf(step, tensors);
      const witness = buildWitness({
        header: program.header,
        stepIndex,
        step,
        stepHashes,
        element,
        tensors: {
          result: { ...resultOf(step, tensors), proof: proofOf(step.result) },
          operands: step.operands.map((operand) => ({ ...tensorOf(operand, tensors, step.blockIndex), proof: proofOf(operand) })),
        },
      });
      return { claim: claimFor(step, tensors), witness };
    },
    forged({ witness }, stepIndex, bits) {
      const step = program.steps[stepIndex] as Step;
      const { bytes } = resultOf(step, tensors);
      const range = forgedRange(witness.result.ranges[0] as Range, step, witness.element, bits);
      const root = rootFromRange(range, bytes.length);
      const lying = withRoot(tensors, step, root);
      const proofOf = pathsOf(step, lying);
      const operands = witness.operands.map((opening, i) => {
        const operand = step.operands[i] as Step["operands"][number];
        // An operand that the judge does not look at is left unopened: it has no proof to renew.
        return operand.source === step.result.source && opening.proof.length > 0 ? { ...opening, proof: proofOf(operand) } : opening;
      });
      return { claim: claimFor(step, lying), witness: { ...witness, result: { root, proof: proofOf(step.result), ranges: [range] }, operands } };
    },
  };
}

/** The execution with another root of the tensor that a step defines. Of the tensors in lists only roots are looked at. */
function withRoot(tensors: ExecutionTensors, { result, blockIndex }: Step, root: Hex): ExecutionTensors {
  const replaced = (list: readonly CommittedTensor[]): CommittedTensor[] => list.map((tensor, i) => (i === result.index ? { ...tensor, root } : tensor));
  if (result.source === sources.trace) return { ...tensors, trace: replaced(tensors.trace) };
  const inner = replaced(tensors.inner?.(blockIndex) ?? []);
  return { ...tensors, inner: (block) => (block === blockIndex ? inner : tensors.inner?.(block)) };
}

function rootOf(domain: "inputs" | "trace", list: readonly CommittedTensor[]): Hex {
  const tree = traceTree(list);
  return toHex(listRootFromTop(domain, tree.count, tree.top));
}

function forgedRange(range: Range, step: Step, element: number, bits: bigint): Range {
  const data = range.data.slice();
  const { dtype } = step.result;
  writeElement(dtype, data, element - (range.first * CHUNK_BYTES) / dtypeBytes[dtype], bits);
  return { ...range, data };
}

function rootFromRange({ first, data, siblings }: Range, byteLength: number): Hex {
  const leaves: Uint8Array[] = [];
  for (let from = 0; from < data.length; from += CHUNK_BYTES) leaves.push(sha256(data.subarray(from, from + CHUNK_BYTES)));
  return toHex(tensorRootFromTop(byteLength, topFromRange(chunkCount(byteLength), first, leaves, siblings)));
}
