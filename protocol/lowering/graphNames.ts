import type { TraceTensor } from "../program/types.ts";

/** Those that were asked for: each execution wants all of its program's. */
const traceNames: string[] = [];

/** Name of trace tensor `index` among the outputs of the traced graph. */
export const traceName = (index: number): string => (traceNames[index] ??= `trace:${index}`);

/** Name of the committed result of step `step` among the inputs of a cut graph. */
export const cutInputName = (step: number): string => `in:${step}`;

/** Name of the recomputed result of step `step` among the outputs of a cut graph. */
export const cutOutputName = (step: number): string => `out:${step}`;

/** Names that a model must not use itself. */
export const reservedName = /^(trace|in|out|cut):\d+$/;

/** Shape of a committed tensor with its axes in commit order. */
export function commitShape(tensor: TraceTensor): number[] {
  return tensor.perm.map((axis) => tensor.shape[axis]!);
}
