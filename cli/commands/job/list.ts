import { Command, Option } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { getEvents } from "../../../runtime/chain/getEvents.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { jobStatuses, type Job } from "../../../runtime/chain/types.ts";
import { action } from "../../action.ts";
import { inBatches } from "../../inBatches.ts";
import { table } from "../../output.ts";
import { short } from "../../parse.ts";
import type { Shell } from "../../shell.ts";
import { stateText, waitText } from "../../waitForJob.ts";

/** `gainsay job list` */
export function listJobsCommand(shell: Shell): Command {
  return new Command("list")
    .description("list the jobs of this deployment, oldest first")
    .option("--requester <account>", "only jobs of this address or key name (default: everybody's)")
    .addOption(new Option("--status <status>", "only jobs in this state (default: all)").choices(jobStatuses.slice(1)))
    .action(
      action(shell, async (context, options: { requester?: string; status?: Job["status"] }) => {
        const requester = options.requester === undefined ? null : await context.addressOf(options.requester);
        const chain = await context.chain();
        const asset = await context.asset();
        const submitted = await getEvents(chain, { contract: "jobs", names: ["Submitted"], indexed: [null, null, requester] });
        const jobs = (await inBatches(submitted, ({ args }) => getJob(chain, args.jobId))).filter(({ status }) => options.status === undefined || status === options.status);
        const now = (await chain.head()).timestamp;
        if (jobs.length === 0) context.output.note("There are no such jobs.");
        const rows = jobs.map((job) => [String(job.id), stateText(job), waitText(job, now), short(job.programRoot), short(job.requester), job.executor === undefined ? "–" : short(job.executor), formatAmount(job.fee, asset)]);
        context.output.result({ jobs }, jobs.length === 0 ? [] : table(["job", "status", "next", "program", "requester", "executor", "fee"], rows));
      }),
    );
}
