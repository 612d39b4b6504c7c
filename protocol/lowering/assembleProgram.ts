import { GainsayError } from "../errors.ts";
import { toHex } from "../hex.ts";
import { blocksRoot, inputsHash, programRoot, stepsRoot } from "../program/codec.ts";
import type { Block, Program, ProgramHeader } from "../program/types.ts";
import { sha256 } from "../trees/sha256.ts";
import type { ProgramTables } from "./emitProgram.ts";

/** Computes blocks, header and root of a program from its tables and the bytes of the folded graph. One step a block. */
export function assembleProgram(modelBytes: Uint8Array, tables: ProgramTables): Program {
  if (tables.inputs.length === 0 || tables.outputs.length === 0) {
    throw new GainsayError("The model has no inputs or no outputs; there is nothing to run.", { code: "MODEL_UNSUPPORTED", kind: "usage", details: { nodes: [] } });
  }
  const blocks = tables.steps.map((_, index): Block => ({ firstStep: index, stepCount: 1, borders: [index], innerCount: 0 }));
  const header: ProgramHeader = {
    version: 1,
    graph: toHex(sha256(modelBytes)),
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
