import { dtypeBytes, sources, type Opening, type Program, type Step, type Witness } from "../program/types.ts";
import { CHUNK_BYTES } from "../trees/tensorTree.ts";

/** Consecutive elements of a trace tensor that an answer has opened, from element `first` on. */
export interface OpenedRun {
  /** Trace index. */
  tensor: number;
  first: number;
  /** Committed bytes. */
  bytes: Uint8Array;
}

/** What the answer to one demand shows of the trace. Whole chunks are opened, so there is more in it than was demanded. */
export interface OpenedAnswer {
  stepIndex: number;
  element: number;
  /** Of the step's result. */
  result: OpenedRun[];
  /** Of the trace tensors that the step reads. */
  inputs: OpenedRun[];
}

/** Reads an answer that the chain has accepted, so that every range is proved and inside of its tensor. */
export function openedElements(program: Program, { stepIndex, element, result, operands }: Pick<Witness, "stepIndex" | "element" | "result" | "operands">): OpenedAnswer {
  const step = program.steps[stepIndex] as Step;
  return {
    stepIndex,
    element,
    result: runsOf(step.result.index, dtypeBytes[step.result.dtype], result),
    inputs: step.operands.flatMap(({ source, index, dtype }, i) => (source === sources.trace ? runsOf(index, dtypeBytes[dtype], operands[i] as Opening) : [])),
  };
}

function runsOf(tensor: number, elementBytes: number, { ranges }: Opening): OpenedRun[] {
  return ranges.map(({ first, data }) => ({ tensor, first: (first * CHUNK_BYTES) / elementBytes, bytes: data }));
}
