import { GainsayError } from "../errors.ts";
import { elementReader, type RawElement } from "../program/elements.ts";
import { sources, type Operand, type Step, type StepResult } from "../program/types.ts";
import type { CommittedTensor } from "../trees/committedTensor.ts";

/** The committed results of one execution. */
export interface CommittedTrace {
  /** The posted trace. */
  trace: readonly CommittedTensor[];
  /** The inner trace of a block, in the order of its steps; undefined if it is not at hand. Programs of one level have none. */
  inner?(block: number): readonly CommittedTensor[] | undefined;
}

/** The committed tensors of one execution, by where descriptors say they stand. */
export interface ExecutionTensors extends CommittedTrace {
  inputs: readonly CommittedTensor[];
  weight(index: number): CommittedTensor;
}

/** The committed tensor that an operand of a step of `block` reads. Throws `OPERAND_UNKNOWN` if the execution does not have it. */
export function tensorOf(operand: Pick<Operand, "source" | "index">, tensors: ExecutionTensors, block: number): CommittedTensor {
  const { source, index } = operand;
  if (source === sources.weight) return tensors.weight(index);
  const list = source === sources.input ? tensors.inputs : source === sources.trace ? tensors.trace : tensors.inner?.(block);
  const found = list?.[index];
  if (found === undefined) throw new GainsayError("A step reads a tensor that the execution does not have.", { code: "OPERAND_UNKNOWN", details: { source, index, block } });
  return found;
}

/** The committed tensor that a step defines. Throws `OPERAND_UNKNOWN` if the execution does not have it. */
export function resultOf(step: { result: Pick<StepResult, "source" | "index">; blockIndex: number }, tensors: ExecutionTensors): CommittedTensor {
  return tensorOf(step.result, tensors, step.blockIndex);
}

/** Whether a step reads or defines a tensor of its block's inner trace, so that it can be judged only once the block is expanded. */
export function isInner({ result, operands }: Step): boolean {
  return result.source === sources.inner || operands.some(({ source }) => source === sources.inner);
}

/** Reads elements of a step's operands as the judge takes them. */
export function operandReader(step: Step, tensors: ExecutionTensors): (operand: number, element: number) => RawElement {
  const readers = step.operands.map((operand) => elementReader(tensorOf(operand, tensors, step.blockIndex).bytes, operand.dtype));
  return (operand, element) => (readers[operand] as (index: number) => RawElement)(element);
}
