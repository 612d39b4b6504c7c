import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Hex } from "../../protocol/hex.ts";

/** What is inside of one block of an execution, with everything that its commitment names (docs/protocol.md §3). */
export interface InnerTrace {
  blockIndex: number;
  /** List root of the tensors; of no tensors at all there is none. */
  innerRoot: Hex | undefined;
  tensors: CommittedTensor[];
}
