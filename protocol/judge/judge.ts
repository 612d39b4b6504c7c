import { toHex } from "../hex.ts";
import { decodeStep, programRoot } from "../program/codec.ts";
import type { Claim, Step, Verdict, Witness } from "../program/types.ts";
import { listRootFromTop } from "../trees/listTree.ts";
import { sha256 } from "../trees/sha256.ts";
import { compileStep } from "./compileStep.ts";
import { judgeElement } from "./judgeElement.ts";
import { judgeError } from "./judgeError.ts";
import { openOpening, pathTop } from "./openings.ts";

/** A verdict and what it rests on. */
export interface Judgement extends Verdict {
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
  const readResult = openOpening(claim, header, witness.result, { source: result.source, index: result.index, weightRoot: "", elements: compiled.elements });
  const claimed = readResult(witness.element);
  if (witness.operands.length !== operands.length) {
    throw judgeError("OperandCount", "The witness must open each operand once.", { expected: operands.length, given: witness.operands.length });
  }
  const readers = operands.map(({ source, index, root: weightRoot, elements }, i) =>
    openOpening(claim, header, witness.operands[i] as Witness["operands"][number], { source, index, weightRoot, elements }),
  );
  const verdict = judgeElement(step, (operand, element) => (readers[operand] as (typeof readers)[number])(element), witness.element, claimed, true);
  return { ...verdict, claimed, step };
}
