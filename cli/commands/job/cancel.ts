import { Command } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { cancelJob } from "../../../runtime/chain/calls/cancelJob.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { action } from "../../action.ts";
import { id } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay job cancel ID` */
export function cancelCommand(shell: Shell): Command {
  return new Command("cancel")
    .description("end a job that nobody has claimed; its fee is credited back, see `stake collect`")
    .argument("<id>", "number of the job", id)
    .action(
      action(shell, async ({ output, sender, asset, progress, signal }, jobId: bigint) => {
        const from = await sender();
        const paidIn = await asset();
        const { fee, status, requester } = await getJob(from.chain, jobId);
        if (status === "cancelled") return output.result({ jobId, status, refund: 0n }, [`job ${jobId} is cancelled already`]);
        progress.update(`cancelling job ${jobId}`);
        const receipt = await cancelJob(from, jobId, { signal });
        progress.end();
        output.result({ jobId, status: "cancelled", refund: fee, transaction: receipt.transactionHash }, [`cancelled job ${jobId}; ${formatAmount(fee, paidIn)} is credited to ${requester}, who gets it with \`gainsay stake collect\``]);
      }),
    );
}
