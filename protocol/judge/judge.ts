import { toHex } from "../hex.ts";
import { programRoot } from "../program/codec.ts";
import { decodeStep } from "../program/decode.ts";
import type { Claim, Step, Verdict, Witness } from "../program/types.ts";
import { listRootFromTop } from "../trees/listTree.ts";
import { sha256 } from "../trees/sha256.ts";
import { compileStep } from "./compileStep.ts";
import { integerOf, isInteger } from "./elementType.ts";
import { judgeElement } from "./judgeElement.ts";
import { judgeError } from "./judgeError.ts";
import { openOpening, pathTop, type OpenTensor } from "./openings.ts";
import { chosenOperand } from "./taps.ts";

/** A verdict and what it rests on. */
export interface Judgement extends Verdict {
  /** Of an integer result, the low 32 bits of its two's complement. */
  claimed: number;
  step: Step;
  /** Exact value and bound of a finite contraction core, in decimal. */
  exact?: string;
  bound?: string;
  /** |claimed − exact| / bound for a contraction without an expression; above 1 is fraud. */
  margin?: number;
}

/**
 * The judge of docs/protocol.md §§4–5, with all that the contracts verify: program, step, openings, then the element.
 * Throws a `GainsayError` for a malformed witness, with the code that names the contracts' custom error.
 */
export function judge(claim: Claim, witness: Witness): Judgement {
  const { header } = witness;
  const root = programRoot(header);
  if (root !== claim.programRoot.toLowerCase()) throw judgeError("ProgramMismatch", "The header is not that of the claimed program.", { expected: claim.programRoot, given: root });
  const top = pathTop(sha256(witness.step), witness.stepIndex, header.stepCount, witness.stepProof);
  if (toHex(listRootFromTop("steps", header.stepCount, top)) !== header.stepsRoot.toLowerCase()) {
    throw judgeError("StepNotInProgram", "The step is not that of the program.", { stepIndex: witness.stepIndex });
  }
  const step = decodeStep(witness.step);
  const compiled = compileStep(step);
  if (!(witness.element < compiled.elements)) {
    throw judgeError("ElementNotInResult", "The result has no such element.", { element: witness.element, elements: compiled.elements });
  }
  const { result, operands } = step;
  const readResult = openOpening(claim, header, witness.result, { source: result.source, index: result.index, blockIndex: step.blockIndex, weightRoot: "", elements: compiled.elements, dtype: result.dtype });
  const claimed = readResult(witness.element);
  if (witness.operands.length !== operands.length) {
    throw judgeError("OperandCount", "The witness must open each operand once.", { expected: operands.length, given: witness.operands.length });
  }
  const only = chosenOperand(step, witness.element);
  const readers = operands.map(({ source, index, root: weightRoot, elements, dtype }, i) => {
    const opening = witness.operands[i] as Witness["operands"][number];
    if (only === undefined || only === i) return openOpening(claim, header, opening, { source, index, blockIndex: step.blockIndex, weightRoot, elements, dtype });
    if (BigInt(opening.root) !== 0n || opening.proof.length !== 0 || opening.ranges.length !== 0) {
      throw judgeError("UnexpectedOpening", "The witness opens an operand that the element does not come from.", { operand: i });
    }
    return undefined;
  });
  const verdict = judgeElement(step, (operand, element) => (readers[operand] as OpenTensor)(element), witness.element, claimed, true);
  return { ...verdict, claimed: Number(BigInt.asUintN(32, isInteger(result.dtype) ? integerOf(claimed, result.dtype) : BigInt(claimed))), step };
}
