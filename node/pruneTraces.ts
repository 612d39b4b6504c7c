import { GainsayError } from "../protocol/errors.ts";
import type { Chain, Head } from "../runtime/chain/createChain.ts";
import { readMany } from "../runtime/chain/reads/readMany.ts";
import { jobStatuses } from "../runtime/chain/types.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";

/** Forgets traces whose commitment has ended, `retainSeconds` after the job's last deadline; until then they are served. */
export async function pruneTraces(head: Head, retainSeconds: number, { chain, traces, logger }: { chain: Chain; traces: TraceStore; logger: Logger }): Promise<void> {
  const stored = traces.list().flatMap(({ jobKey }) => {
    const [id, attempt] = jobKey.split("/");
    return id !== undefined && /^\d+$/.test(id) ? [{ jobKey, id: BigInt(id), attempt: Number(attempt) }] : [];
  });
  const jobs = await readMany(chain, "jobs", "getJob", stored.map(({ id }) => [id] as const));
  const done = stored.flatMap(({ jobKey, attempt }, i) => {
    const job = jobs[i];
    // Gone in a reorganisation, after which it may come back: kept until its number has ended as another job.
    if (job === undefined || job instanceof GainsayError) return [];
    const status = jobStatuses[job.status];
    const stands = (status === "claimed" || status === "committed") && job.attempt === attempt;
    return !stands && head.timestamp > Number(job.deadline) + retainSeconds ? [jobKey] : [];
  });
  if (done.length === 0) return;
  await traces.prune(done);
  logger.info({ traces: done }, "old traces removed");
}
