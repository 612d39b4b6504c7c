import type { Program } from "../program/types.ts";

/** A program together with the folded graph that computes it. */
export interface CompiledModel {
  program: Program;
  /** Bytes of the folded graph; `program.header.graph` is their hash. */
  model: Uint8Array;
}
