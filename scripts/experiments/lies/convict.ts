import { operandReader } from "../../../protocol/dispute/stepOperands.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { screenElement } from "../../../protocol/judge/screenElement.ts";
import { elementReader, elementValue } from "../../../protocol/program/elements.ts";
import { dtypes, type Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { floatOperands, type OpenTrace } from "../openTrace.ts";

/** The first element that the judge calls fraud, in the order of steps and elements; undefined if all of the trace is sound. */
export function convict(trace: OpenTrace): { step: number; element: number } | undefined {
  for (const step of trace.program.steps.keys()) {
    const element = firstFraud(trace, step);
    if (element !== undefined) return { step, element };
  }
  return undefined;
}

/** The first fraudulent element of one step. What the screen proves sound is not judged. */
export function firstFraud(trace: OpenTrace, stepIndex: number): number | undefined {
  const step = trace.program.steps[stepIndex] as Step;
  const elements = step.result.shape.reduce((product, size) => product * size, 1);
  const claimedAt = elementReader((trace.trace[step.result.index] as CommittedTensor).bytes, step.result.dtype);
  const read = operandReader(step, trace);
  const floats = step.result.dtype === dtypes.float32 ? floatOperands(step, trace) : undefined;
  for (let element = 0; element < elements; element++) {
    const claimed = claimedAt(element);
    if (floats !== undefined && screenElement(step, floats, element, elementValue(claimed, step.result.dtype)).sound) continue;
    if (judgeElement(step, read, element, claimed).fraud) return element;
  }
  return undefined;
}
