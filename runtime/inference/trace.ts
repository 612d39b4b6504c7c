import type { Hex } from "../../protocol/hex.ts";

/** A tensor with its commitment. */
export interface CommittedTensor {
  /** Tensor root. */
  root: Hex;
  /** Committed bytes: little-endian elements in commit order. */
  bytes: Uint8Array;
  /** SHA-256 of each 1 KiB chunk, side by side. */
  leaves: Uint8Array;
}

/** One execution of a program with everything that its commitment names (docs/protocol.md §3). */
export interface Trace {
  programRoot: Hex;
  inputRoot: Hex;
  traceRoot: Hex;
  outputRoot: Hex;
  inputs: CommittedTensor[];
  /** The posted trace in program order. */
  tensors: CommittedTensor[];
  /** Index into `tensors` of each output of the model. */
  outputs: number[];
}
