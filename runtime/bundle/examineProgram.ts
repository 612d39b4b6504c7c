import type { Program } from "../../protocol/program/types.ts";
import { assembleProgram } from "../../protocol/lowering/assembleProgram.ts";
import { bundleFileNames } from "./bundleFiles.ts";
import { checkProgram } from "./checkProgram.ts";
import { mismatch, parseFile } from "./parseFile.ts";
import { programSchema } from "./programSchema.ts";

/**
 * Reads a `program.json` and recomputes all of it that follows from its tables: steps, blocks, header and root. The hash of the graph is taken as the header says it.
 * Throws `BUNDLE_MALFORMED` and `BUNDLE_MISMATCH`.
 */
export function examineProgram(bytes: Uint8Array): Program {
  const program = parseFile(bundleFileNames.program, bytes, programSchema);
  const { root, header, blocks, ...tables } = program;
  const recomputed = assembleProgram(header.graph, tables);
  if (recomputed.root !== root || JSON.stringify(recomputed.header) !== JSON.stringify(header) || JSON.stringify(recomputed.blocks) !== JSON.stringify(blocks)) {
    throw mismatch(bundleFileNames.program, "its header does not follow from its tables");
  }
  const fault = checkProgram(program);
  if (fault !== undefined) throw mismatch(bundleFileNames.program, fault);
  return program;
}
