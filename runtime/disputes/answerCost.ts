import { refutationFromTrace } from "../../protocol/dispute/refutation.ts";
import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { fromHex } from "../../protocol/hex.ts";
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
  return FIXED_GAS + GAS_A_BYTE * fromHex(encodeWitness(refutationFromTrace(program, tensors, stepIndex, element))).length;
}

/**
 * Makes sure that an executor of the program could answer whatever is demanded: a demand that fits no transaction would convict an
 * honest one. Looks at the first, the middle and the last element of each step. Throws `STEP_UNANSWERABLE`.
 */
export function checkAnswers(program: Program, tensors: ExecutionTensors): void {
  for (const [stepIndex, step] of program.steps.entries()) {
    const count = (step as Step).result.shape.reduce((product, size) => product * size, 1);
    for (const element of new Set([0, Math.floor(count / 2), count - 1])) {
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
