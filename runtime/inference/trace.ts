import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Hex } from "../../protocol/hex.ts";

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
  /** Gives up the bytes of tensors that nobody has read yet; reading them afterwards throws `OUTPUTS_RELEASED`. Missing if they are all in memory. */
  release?(): void;
}
