import { GainsayError } from "../errors.ts";
import { sources, type Block, type Program, type Step, type TraceTensor } from "./types.ts";

/** Whether the posted trace lacks results, which are inside of blocks then. */
export function hasInner(program: Pick<Program, "inner">): boolean {
  return program.inner.length > 0;
}

/** A block by its index. Throws `BLOCK_UNKNOWN`. */
export function blockAt({ blocks }: Pick<Program, "blocks">, blockIndex: number): Block {
  const block = blocks[blockIndex];
  if (block === undefined) throw new GainsayError("The program has no such block.", { code: "BLOCK_UNKNOWN", details: { block: blockIndex, blocks: blocks.length } });
  return block;
}

/** The steps of a block with their indices, in order. */
export function stepsOf(program: Pick<Program, "blocks" | "steps">, blockIndex: number): [number, Step][] {
  const { firstStep, stepCount } = blockAt(program, blockIndex);
  return program.steps.slice(firstStep, firstStep + stepCount).map((step, i) => [firstStep + i, step]);
}

/** The inner trace of a block as tables describe it, in the order in which it is committed. */
export function innerTensors(program: Pick<Program, "blocks" | "inner">, blockIndex: number): TraceTensor[] {
  const { firstStep, stepCount } = blockAt(program, blockIndex);
  return program.inner.filter(({ step }) => step >= firstStep && step < firstStep + stepCount);
}

/** The tensor that a step defines, posted or inner. */
export function definedTensor(program: Pick<Program, "steps" | "trace" | "inner" | "blocks">, stepIndex: number): TraceTensor {
  const { result, blockIndex } = program.steps[stepIndex] as Step;
  return (result.source === sources.trace ? program.trace[result.index] : innerTensors(program, blockIndex)[result.index]) as TraceTensor;
}
