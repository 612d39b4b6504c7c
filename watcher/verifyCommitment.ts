import { GainsayError } from "../protocol/errors.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import type { Hex } from "../protocol/hex.ts";
import type { Job } from "../runtime/chain/types.ts";
import { fetchInner } from "../runtime/serving/fetchInner.ts";
import { fetchTrace } from "../runtime/serving/fetchTrace.ts";
import { checkTrace, type Finding } from "../runtime/verification/checkTrace.ts";
import { createFetchBudget, fetchTimeMs } from "./createFetchBudget.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { ownExecution, type OwnExecution } from "./ownTrace.ts";

/** What a watcher finds of one commitment. */
export type Opinion =
  /** The own trace root is the committed one: nothing was fetched. */
  | { kind: "equal" }
  /** Other floats, but every element that was looked at and differs is within its bound. `opened` blocks were looked into. */
  | { kind: "sound"; differing: number; judged: number; opened: number; trace: CommittedTensor[]; own: OwnExecution }
  | { kind: "fraud"; finding: Finding; trace: CommittedTensor[]; own: OwnExecution }
  /**
   * The trace cannot be had, or is not of the program's shape; or it is there, but not what is inside of a block that has to be looked into. `answered`: some
   * peer could be reached, so the own connection is not what is at fault.
   */
  | { kind: "withheld"; reason: string; answered: boolean; inside?: { blockIndex: number; trace: CommittedTensor[]; own: OwnExecution } };

/** Codes of a fetch that show a trace which no honest executor commits to, however long one waits. */
const hopeless = new Set(["TRACE_UNFIT"]);

/** Codes of a fetch for which nobody was there to answer. */
const unanswered = new Set(["TRACE_UNAVAILABLE", "PEER_UNREACHABLE", "NETWORK_NOT_STARTED"]);

/**
 * Re-executes a job. Equal roots end the work at once. Otherwise it fetches the posted tensors that differ, checks each block from the executor's committed
 * tensors, and asks for the inner traces of the blocks that are further off than `tolerance`. Throws what keeps it from an opinion (no bundle, no
 * input, no ONNX Runtime).
 */
export async function verifyCommitment(job: Job & { traceRoot: Hex }, dependencies: WatcherDependencies, signal: AbortSignal, tolerance = 0): Promise<Opinion> {
  const { network, providers } = dependencies;
  const own = await ownExecution(job, dependencies, signal);
  if (own.trace.traceRoot === job.traceRoot) {
    own.trace.release?.();
    return { kind: "equal" };
  }
  const { program } = own.loaded;
  const peers = providers.providersOf(job.traceRoot, job.executor);
  const source = { network, peers, program, traceRoot: job.traceRoot };
  const budget = createFetchBudget(fetchTimeMs(program, job.challengeWindow));
  let trace: CommittedTensor[] | undefined;
  try {
    if (peers.length === 0) throw new GainsayError("No peer is known that could serve the trace.", { code: "TRACE_UNAVAILABLE", retryable: true });
    trace = await budget.within((soon) => fetchTrace({ ...source, own: own.trace.tensors, signal: soon }), signal);
    const inner = async (blockIndex: number): Promise<CommittedTensor[]> => (await budget.within((soon) => fetchInner({ ...source, blockIndex, signal: soon }), signal)).tensors;
    const { finding, differing, judged, opened } = await checkTrace(own.loaded, own.trace.inputs, trace, { signal, inner, tolerance, own: own.trace.tensors });
    return finding === undefined ? { kind: "sound", differing, judged, opened: opened.length, trace, own } : { kind: "fraud", finding, trace, own };
  } catch (error) {
    signal.throwIfAborted();
    // What was fetched is at fault only until the trace is there, or where what is inside of it is missing.
    if (!(error instanceof GainsayError) || (trace !== undefined && error.code !== "INNER_TRACE_UNAVAILABLE")) throw error;
    const reason = hopeless.has(error.code) ? `${error.code}: ${error.message}` : error.code;
    const { block } = error.details;
    return { kind: "withheld", reason, answered: !unanswered.has(error.code), ...(trace === undefined || typeof block !== "number" ? {} : { inside: { blockIndex: block, trace, own } }) };
  }
}
