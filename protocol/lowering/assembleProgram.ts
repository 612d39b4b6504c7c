import { GainsayError } from "../errors.ts";
import type { Hex } from "../hex.ts";
import { blocksRoot, inputsHash, programRoot, stepsRoot } from "../program/codec.ts";
import { sources, type Block, type Program, type ProgramHeader, type Step } from "../program/types.ts";
import type { ProgramTables } from "./emitProgram.ts";

/** Computes blocks, header and root of a program from its tables and the hash of the folded graph. */
export function assembleProgram(graph: Hex, tables: ProgramTables): Program {
  if (tables.inputs.length === 0 || tables.outputs.length === 0) {
    throw new GainsayError("The model has no inputs or no outputs; there is nothing to run.", { code: "MODEL_UNSUPPORTED", kind: "usage", details: { nodes: [] } });
  }
  const blocks = blocksOf(tables.steps);
  const header: ProgramHeader = {
    version: 1,
    graph,
    inputs: inputsHash(tables.inputs),
    stepsRoot: stepsRoot(tables.steps),
    blocksRoot: blocksRoot(blocks),
    stepCount: tables.steps.length,
    blockCount: blocks.length,
    inputCount: tables.inputs.length,
    traceCount: tables.trace.length,
    outputs: tables.outputs.map(({ trace }) => trace),
  };
  return { root: programRoot(header), header, blocks, ...tables };
}

/** The blocks that the steps name, in order; a step of block b + 1 ends block b. */
function blocksOf(steps: readonly Step[]): Block[] {
  const blocks: Block[] = [];
  for (const [index, { blockIndex, result }] of steps.entries()) {
    const begins = index === 0 || blockIndex !== (steps[index - 1] as Step).blockIndex;
    if (begins) blocks.push({ firstStep: index, stepCount: 0, borders: [], innerCount: 0 });
    const block = blocks.at(-1) as Block;
    block.stepCount++;
    if (result.source === sources.inner) block.innerCount++;
    else block.borders.push(result.index);
  }
  return blocks;
}
