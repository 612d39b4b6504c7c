import { Command } from "commander";
import { deliverResult } from "../../../runtime/chain/calls/deliverResult.ts";
import { getJob, isDelivered } from "../../../runtime/chain/reads/getJob.ts";
import { action } from "../../action.ts";
import { id } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay job deliver ID` */
export function deliverCommand(shell: Shell): Command {
  return new Command("deliver")
    .description("call the contract that a final job names as its consumer with the result; anybody may, once")
    .argument("<id>", "number of the job", id)
    .action(
      action(shell, async ({ output, sender, progress, signal }, jobId: bigint) => {
        const from = await sender();
        const { consumer } = await getJob(from.chain, jobId);
        if (consumer !== undefined && (await isDelivered(from.chain, jobId))) return output.result({ jobId, consumer, delivered: true, accepted: null }, [`the result of job ${jobId} was delivered to ${consumer} before`]);
        progress.update(`delivering the result of job ${jobId}`);
        const { accepted, receipt } = await deliverResult(from, jobId, { signal });
        progress.end();
        output.result({ jobId, consumer: consumer ?? null, delivered: true, accepted, transaction: receipt.transactionHash }, [
          accepted ? `delivered the result of job ${jobId} to ${consumer ?? "its consumer"}` : `called ${consumer ?? "the consumer"} with the result of job ${jobId}, but it failed; it will not be called again`,
        ]);
      }),
    );
}
