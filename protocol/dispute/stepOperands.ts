import { GainsayError } from "../errors.ts";
import { elementReader, type RawElement } from "../program/elements.ts";
import { sources, type Operand, type Step } from "../program/types.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";

/** The committed tensors of one execution, by where descriptors say they stand. */
export interface ExecutionTensors {
  inputs: readonly CommittedTensor[];
  trace: readonly CommittedTensor[];
  weight(index: number): CommittedTensor;
}

/** The committed tensor that an operand reads. Throws `OPERAND_UNKNOWN` if the execution does not have it. */
export function tensorOf(operand: Operand, tensors: ExecutionTensors): CommittedTensor {
  const { source, index } = operand;
  const found = source === sources.input ? tensors.inputs[index] : source === sources.weight ? tensors.weight(index) : source === sources.trace ? tensors.trace[index] : undefined;
  if (found === undefined) throw new GainsayError("A step reads a tensor that the execution does not have.", { code: "OPERAND_UNKNOWN", details: { source, index } });
  return found;
}

/** Reads elements of a step's operands as the judge takes them. */
export function operandReader(step: Step, tensors: ExecutionTensors): (operand: number, element: number) => RawElement {
  const readers = step.operands.map((operand) => elementReader(tensorOf(operand, tensors).bytes, operand.dtype));
  return (operand, element) => (readers[operand] as (index: number) => RawElement)(element);
}
