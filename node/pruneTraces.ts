import { GainsayError } from "../protocol/errors.ts";
import type { Chain, Head } from "../runtime/chain/createChain.ts";
import { getJob } from "../runtime/chain/reads/getJob.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";

/** Forgets traces whose commitment has ended, `retainSeconds` after the job's last deadline; until then they are served. */
export async function pruneTraces(head: Head, retainSeconds: number, { chain, traces, logger }: { chain: Chain; traces: TraceStore; logger: Logger }): Promise<void> {
  const done: string[] = [];
  for (const { jobKey } of traces.list()) {
    const [id, attempt] = jobKey.split("/");
    if (id === undefined || !/^\d+$/.test(id)) continue;
    const job = await getJob(chain, BigInt(id)).catch((error: unknown) => {
      // Gone in a reorganisation, after which it may come back: kept until its number has ended as another job.
      if (error instanceof GainsayError && error.code === "CONTRACT_REVERTED") return undefined;
      throw error;
    });
    if (job === undefined) continue;
    const stands = (job.status === "claimed" || job.status === "committed") && job.attempt === Number(attempt);
    if (!stands && head.timestamp > job.deadline + retainSeconds) done.push(jobKey);
  }
  if (done.length === 0) return;
  await traces.prune(done);
  logger.info({ traces: done }, "old traces removed");
}
