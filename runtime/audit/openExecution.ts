import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { tensorOf } from "../../protocol/dispute/stepOperands.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { traceTree } from "../../protocol/dispute/defenderMove.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { buildWitness } from "../../protocol/judge/buildWitness.ts";
import { claimOf } from "../../protocol/program/claim.ts";
import { concat, stepHash } from "../../protocol/program/codec.ts";
import { dtypeBytes, sources, type Claim, type Opening, type Program, type Range, type Step, type Witness } from "../../protocol/program/types.ts";
import { listRootFromTop } from "../../protocol/trees/listTree.ts";
import { pathProof, topFromRange, type MerkleTree } from "../../protocol/trees/merkle.ts";
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

/** Commits to the inputs and the trace of an execution. */
export function openExecution(program: Program, tensors: ExecutionTensors): OpenExecution {
  const stepHashes = concat(program.steps.map(stepHash));
  const inputs = traceTree(tensors.inputs);
  const trace = traceTree(tensors.trace);
  const claimWith = (tree: MerkleTree): Claim =>
    claimOf({
      programRoot: program.root,
      inputRoot: toHex(listRootFromTop("inputs", inputs.count, inputs.top)),
      traceRoot: toHex(listRootFromTop("trace", tree.count, tree.top)),
    });
  const claim = claimWith(trace);

  return {
    program,
    tensors,
    honest(stepIndex, element) {
      const step = program.steps[stepIndex] as Step;
      const witness = buildWitness({
        header: program.header,
        stepIndex,
        step,
        stepHashes,
        element,
        tensors: {
          result: { ...(tensors.trace[step.result.index] as CommittedTensor), proof: pathProof(trace, step.result.index) },
          operands: step.operands.map((operand) => ({
            ...tensorOf(operand, tensors, step.blockIndex),
            proof: operand.source === sources.trace ? pathProof(trace, operand.index) : operand.source === sources.input ? pathProof(inputs, operand.index) : [],
          })),
        },
      });
      return { claim, witness };
    },
    forged({ witness }, stepIndex, bits) {
      const step = program.steps[stepIndex] as Step;
      const at = step.result.index;
      const { bytes } = tensors.trace[at] as CommittedTensor;
      const range = forgedRange(witness.result.ranges[0] as Range, step, witness.element, bits);
      const root = rootFromRange(range, bytes.length);
      const tree = traceTree(tensors.trace.map((tensor, i) => (i === at ? { root } : tensor)));
      const operands = witness.operands.map((opening, i): Opening => {
        const operand = step.operands[i] as Step["operands"][number];
        // An operand that the judge does not look at is left unopened: it has no proof to renew.
        return operand.source === sources.trace && opening.proof.length > 0 ? { ...opening, proof: pathProof(tree, operand.index) } : opening;
      });
      return { claim: claimWith(tree), witness: { ...witness, result: { root, proof: pathProof(tree, at), ranges: [range] }, operands } };
    },
  };
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
