import { dtypeBytes, sources, type Opening, type Program, type Step, type Witness } from "../program/types.ts";
import { CHUNK_BYTES } from "../trees/tensorTree.ts";

/** Consecutive elements of a trace tensor that an answer has opened, from element `first` on. */
export interface OpenedRun {
  /** Index in the posted trace, or in the inner trace of `block`. */
  tensor: number;
  block?: number;
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
  const runsOf = ({ source, index, dtype }: { source: number; index: number; dtype: Step["result"]["dtype"] }, { ranges }: Opening): OpenedRun[] => {
    if (source !== sources.trace && source !== sources.inner) return [];
    const place = source === sources.inner ? { tensor: index, block: step.blockIndex } : { tensor: index };
    return ranges.map(({ first, data }) => ({ ...place, first: (first * CHUNK_BYTES) / dtypeBytes[dtype], bytes: data }));
  };
  return {
    stepIndex,
    element,
    result: runsOf(step.result, result),
    inputs: step.operands.flatMap((operand, i) => runsOf(operand, operands[i] as Opening)),
  };
}
