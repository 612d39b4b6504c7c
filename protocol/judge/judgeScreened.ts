import type { RawElement } from "../program/elements.ts";
import { normalisationOps, stepKinds, type Step } from "../program/types.ts";
import { floatOf } from "./float32.ts";
import { judgeElement, type ElementVerdict } from "./judgeElement.ts";
import { screenRead, type Factors } from "./screenElement.ts";
import { screenSoftmax } from "./screenSoftmax.ts";
import type { ReadOperand } from "./taps.ts";

/**
 * `judgeElement` for whoever has many elements to check: where doubles alone prove an element sound, the verdict says no more than
 * that, with the claimed value for `lo` and `hi`; all else is decided by `judgeElement`. `factors` are those of a contraction of float32, the same as `read` gives.
 */
export function judgeScreened(step: Step, read: ReadOperand, element: number, claimed: RawElement, factors?: Factors): ElementVerdict {
  if (isProved(step, read, element, claimed, factors)) return { fraud: false, lo: Number(claimed), hi: Number(claimed), nan: false };
  return judgeElement(step, read, element, claimed);
}

function isProved(step: Step, read: ReadOperand, element: number, claimed: RawElement, factors: Factors | undefined): boolean {
  const readFloat = (operand: number, at: number): number => floatOf(Number(read(operand, at)));
  if (step.kind === stepKinds.contraction) return screenRead(step, readFloat, element, floatOf(Number(claimed)), factors).sound;
  if (step.kind === stepKinds.normalisation && step.op === normalisationOps.softmax && step.expression.length === 0) {
    return screenSoftmax(step, readFloat, element, floatOf(Number(claimed)));
  }
  return false;
}
