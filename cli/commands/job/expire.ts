import { Command } from "commander";
import { expireJob } from "../../../runtime/chain/calls/expireJob.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { action } from "../../action.ts";
import { id } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay job expire ID` */
export function expireCommand(shell: Shell): Command {
  return new Command("expire")
    .description("take a job from an executor that missed the delivery, so that another can claim it; anybody may")
    .argument("<id>", "number of the job", id)
    .action(
      action(shell, async ({ output, sender, progress, signal }, jobId: bigint) => {
        const from = await sender();
        const { executor } = await getJob(from.chain, jobId);
        progress.update(`expiring job ${jobId}`);
        const receipt = await expireJob(from, jobId, { signal });
        const { status } = await getJob(from.chain, jobId);
        progress.end();
        output.result({ jobId, status, missedBy: executor, transaction: receipt.transactionHash }, [`job ${jobId} is ${status} again; ${executor ?? "its executor"} paid for the missed delivery`]);
      }),
    );
}
