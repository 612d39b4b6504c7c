import { refutationFromTrace } from "../../protocol/dispute/refutation.ts";
import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { fromHex } from "../../protocol/hex.ts";
import { hasInner } from "../../protocol/program/blocks.ts";
import { encodeWitness } from "../../protocol/program/codec.ts";
import type { Program, Step } from "../../protocol/program/types.ts";
import { MAX_TRANSACTION_GAS } from "../chain/prepareCall.ts";

/** Gas of an answer but for its witness: 21 000, storage and events, descriptor and proofs; see docs/contracts.md. */
const FIXED_GAS = 500_000;

/**
 * Gas of a byte of the witness, at most: the floor price of a non-zero byte of calldata (40, EIP-7623), below which copying, hashing and
 * judging it stay, and 8 for the event that repeats it.
 */
const GAS_A_BYTE = 48;

/** Gas of the answer to a demand of one element, estimated from above. */
export function answerGas(program: Program, tensors: ExecutionTensors, stepIndex: number, element: number): number {
  return witnessGas(fromHex(encodeWitness(refutationFromTrace(program, tensors, stepIndex, element))).length);
}

/** Gas of a transaction that shows a witness of so many bytes to the judge, estimated from above. */
export function witnessGas(bytes: number): number {
  return FIXED_GAS + GAS_A_BYTE * bytes;
}

/**
 * Gas of the dearest answer of a program, by the first, the middle and the last element of each step; at most a whole transaction, and
 * one where results are inside of blocks, which nobody holds before they are expanded.
 */
export function dearestAnswer(program: Program, tensors: ExecutionTensors): number {
  if (hasInner(program)) return Number(MAX_TRANSACTION_GAS);
  let dearest = 0;
  for (const [stepIndex, step] of program.steps.entries()) for (const element of samplesOf(step as Step)) dearest = Math.max(dearest, answerGas(program, tensors, stepIndex, element));
  return Math.min(dearest, Number(MAX_TRANSACTION_GAS));
}

function samplesOf({ result }: Step): Set<number> {
  const count = result.shape.reduce((product, size) => product * size, 1);
  return new Set([0, Math.floor(count / 2), count - 1]);
}

/**
 * Makes sure that an executor of the program could answer whatever is demanded: a demand that fits no transaction would convict an
 * honest one. Looks at the first, the middle and the last element of each step. Throws `STEP_UNANSWERABLE`.
 */
export function checkAnswers(program: Program, tensors: ExecutionTensors): void {
  for (const [stepIndex, step] of program.steps.entries()) {
    for (const element of samplesOf(step as Step)) {
      const gas = answerGas(program, tensors, stepIndex, element);
      if (gas <= MAX_TRANSACTION_GAS) continue;
      throw new GainsayError("A step of the program reads more than a transaction can hold, so a demand of it could not be answered and would cost an honest executor its stake; do not serve this program.", {
        code: "STEP_UNANSWERABLE",
        kind: "verification",
        details: { program: program.root, step: stepIndex, element, gas, limit: MAX_TRANSACTION_GAS },
      });
    }
  }
}
