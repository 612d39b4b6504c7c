import type { Hex } from "../protocol/hex.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import type { Dispute, Job } from "../runtime/chain/types.ts";
import { answerDispute } from "../runtime/disputes/answerDispute.ts";
import { blocksNeeded, defendDispute } from "../runtime/disputes/defendDispute.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { openProgram, ownExecution, withInner } from "./ownTrace.ts";
import { postedKey } from "./postedTrace.ts";
import type { Opinion } from "./verifyCommitment.ts";

/**
 * Makes the defender's move for an honest executor: with the own trace where its root is the committed one, else with the executor's, which was fetched and
 * checked. What is inside of a block can be computed again bit for bit only where the floats are the same, so with other floats such moves stay the executor's.
 * Does nothing where the trace is not stored.
 */
export async function defendOther(job: Job & { traceRoot: Hex }, dispute: Dispute, opinion: Extract<Opinion["kind"], "equal" | "sound">, sender: Sender, dependencies: WatcherDependencies, signal: AbortSignal): Promise<void> {
  const loaded = await openProgram(job, dependencies, signal);
  const { program } = loaded;
  const blocks = blocksNeeded(program, dispute);
  if (opinion === "sound" && blocks.length > 0) return;
  const trace = await dependencies.traces.get(opinion === "equal" ? `own/${job.id}` : postedKey(job));
  if (trace === undefined || trace.traceRoot !== job.traceRoot) return;
  const tensors = opinion === "equal" ? await withInner(await ownExecution(job, dependencies, signal), signal, blocks) : { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() };
  if (dispute.phase === "answer") await answerDispute(sender, dispute, program, tensors, signal);
  else await defendDispute(sender, dispute, job.digest, tensors, signal);
}
