import { GainsayError } from "../protocol/errors.ts";
import { getJob } from "../runtime/chain/reads/getJob.ts";
import type { WatcherDependencies } from "./dependencies.ts";

/** Forgets own executions, posted traces and refutations of jobs that can no longer be disputed. */
export async function pruneCases({ chain, traces, cases, ledger }: Pick<WatcherDependencies, "chain" | "traces" | "cases" | "ledger">): Promise<void> {
  const done: string[] = [];
  for (const { jobKey } of traces.list()) {
    const id = BigInt(/^(?:own|posted)\/(\d+)(?:\/\d+)?$/.exec(jobKey)?.[1] ?? 0);
    // Jobs that can still change, and recently ended ones, are in the ledger.
    if (id === 0n || ledger.jobs.has(id)) continue;
    const job = await getJob(chain, id).catch((error: unknown) => {
      // Gone in a reorganisation, after which it may come back.
      if (error instanceof GainsayError && error.code === "CONTRACT_REVERTED") return undefined;
      throw error;
    });
    if (job === undefined) continue;
    if (job.status !== "final" && job.status !== "cancelled") continue;
    done.push(jobKey);
    for (let attempt = 0; attempt <= job.attempt; attempt++) await cases.remove(id, attempt);
  }
  if (done.length > 0) await traces.prune(done);
}
