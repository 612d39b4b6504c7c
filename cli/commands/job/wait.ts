import { Command } from "commander";
import { action } from "../../action.ts";
import { describeJob } from "../../describeJob.ts";
import { pairs } from "../../output.ts";
import { duration, id } from "../../parse.ts";
import type { Shell } from "../../shell.ts";
import { waitForJob } from "../../waitForJob.ts";

/** `gainsay job wait ID` */
export function waitCommand(shell: Shell): Command {
  return new Command("wait")
    .description("wait until a job is final or cancelled")
    .argument("<id>", "number of the job", id)
    .option("--timeout <time>", "give up, with exit code 75, after this time in seconds or with a unit s, m, h, d (default: never)", duration)
    .action(
      action(shell, async (context, jobId: bigint, options: { timeout?: number }) => {
        const chain = await context.chain();
        const job = await waitForJob(context, chain, jobId, ({ status }) => status === "final" || status === "cancelled", options.timeout);
        context.progress.end();
        context.output.result(job, pairs(describeJob(job, (await chain.head()).timestamp, await context.asset())));
      }),
    );
}
