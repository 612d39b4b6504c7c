import { GainsayError } from "../protocol/errors.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import type { Hex } from "../protocol/hex.ts";
import type { Job } from "../runtime/chain/types.ts";
import { fetchTrace } from "../runtime/serving/fetchTrace.ts";
import { checkTrace, type Finding } from "../runtime/verification/checkTrace.ts";
import type { WatcherDependencies } from "./dependencies.ts";
import { ownExecution, type OwnExecution } from "./ownTrace.ts";

/** What a watcher finds of one commitment. */
export type Opinion =
  /** The own trace root is the committed one: nothing was fetched. */
  | { kind: "equal" }
  /** Other floats, but every element that differs is within its bound. */
  | { kind: "sound"; differing: number; judged: number }
  | { kind: "fraud"; finding: Finding; trace: CommittedTensor[]; own: OwnExecution }
  /** The trace cannot be had, or is not of the program's shape. */
  | { kind: "withheld"; reason: string };

/** Codes of a fetch that show a trace which no honest executor commits to, however long one waits. */
const hopeless = new Set(["TRACE_UNFIT"]);

/**
 * Re-executes a job. Equal roots end the work at once. Otherwise it fetches the tensors that differ and checks each step from the
 * executor's committed inputs. Throws what keeps it from an opinion (no bundle, no input, no ONNX Runtime).
 */
export async function verifyCommitment(job: Job & { traceRoot: Hex }, dependencies: WatcherDependencies, signal: AbortSignal): Promise<Opinion> {
  const { network, providers, hasher } = dependencies;
  const own = await ownExecution(job, dependencies, signal);
  if (own.trace.traceRoot === job.traceRoot) return { kind: "equal" };
  const peers = providers.providersOf(job.traceRoot, job.executor);
  let trace: CommittedTensor[];
  try {
    if (peers.length === 0) throw new GainsayError("No peer is known that could serve the trace.", { code: "TRACE_UNAVAILABLE", retryable: true });
    trace = await fetchTrace({ network, hasher, peers, program: own.loaded.program, traceRoot: job.traceRoot, own: own.trace.tensors, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GainsayError) return { kind: "withheld", reason: hopeless.has(error.code) ? `${error.code}: ${error.message}` : error.code };
    throw error;
  }
  const report = await checkTrace(own.loaded, own.trace.inputs, trace, { signal });
  if (report.finding !== undefined) return { kind: "fraud", finding: report.finding, trace, own };
  return { kind: "sound", differing: report.differing, judged: report.judged };
}
