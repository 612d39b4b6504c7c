import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import type { Hex } from "../protocol/hex.ts";
import { listRootOf } from "../protocol/trees/listTree.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import type { OwnExecution } from "./ownTrace.ts";

/** The executor's posted trace of a commitment, as the store keeps it: what it holds beside the tensors is that of the own execution of the same input. */
export function postedTrace({ traceRoot }: { traceRoot: Hex }, own: OwnExecution, tensors: readonly CommittedTensor[]): Trace {
  const outputRoot = listRootOf("outputs", own.trace.outputs.map((index) => (tensors[index] as CommittedTensor).root));
  return { ...own.trace, traceRoot, outputRoot, tensors: [...tensors] };
}

/** Names it in the watcher's store. */
export function postedKey({ id, attempt }: Pick<Job, "id" | "attempt">): string {
  return `posted/${id}/${attempt}`;
}
