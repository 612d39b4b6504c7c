import { GainsayError } from "../errors.ts";
import { sources, type Program, type Source } from "../program/types.ts";

/** The step that defines a tensor of the posted trace. Throws `TRACE_NOT_DISPUTED`. */
export function stepOfTrace(program: Program, tensor: number): number {
  return definingStep(program, sources.trace, 0, tensor);
}

/** The step that defines tensor `index` of the posted trace, or of the inner trace of `block`. Throws `TRACE_NOT_DISPUTED`. */
export function definingStep(program: Program, source: Source, block: number, index: number): number {
  const step = program.steps.findIndex(({ result, blockIndex }) => result.source === source && result.index === index && (source !== sources.inner || blockIndex === block));
  if (step < 0) throw new GainsayError("No step of the program defines this tensor of a trace.", { code: "TRACE_NOT_DISPUTED", details: { source, block, tensor: index } });
  return step;
}
