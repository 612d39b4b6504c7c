import { hasInner } from "../protocol/program/blocks.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Programs } from "../runtime/programs/createPrograms.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";
import { traceKey } from "./deliverJob.ts";

/**
 * Makes sure after a start that a standing commitment can still be defended: an executor that was started with other threads, another provider, level or
 * version of ONNX Runtime gives other last bits, and what it would say is inside of a block does not lead to what it has posted. Resolves to whether
 * it can, or undefined where that does not depend on it: nothing is inside of blocks, or the trace is not here.
 */
export async function checkOwnTrace(job: Job, { programs, traces, logger }: { programs: Pick<Programs, "open">; traces: Pick<TraceStore, "get">; logger: Logger }, signal: AbortSignal): Promise<boolean | undefined> {
  const loaded = await programs.open(job.programRoot);
  if (loaded === undefined || !hasInner(loaded.program)) return undefined;
  const trace = await traces.get(traceKey(job));
  if (trace === undefined) return undefined;
  const tensors = trace.tensors.map(({ bytes }) => bytes);
  const computed = await loaded.recompute(trace.inputs.map(({ bytes }) => bytes), tensors, signal);
  const strayed = computed.findIndex((bytes, tensor) => Buffer.compare(bytes, tensors[tensor] as Uint8Array) !== 0);
  if (strayed < 0) return true;
  logger.error({ jobId: job.id, attempt: job.attempt, tensor: strayed }, "this machine now computes other floats than a standing commitment of its own has; start the executor again with the options and the version of that time, or a dispute may be lost");
  return false;
}
