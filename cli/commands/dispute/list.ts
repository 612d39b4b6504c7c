import { Command } from "commander";
import { getDispute, getDisputeCount } from "../../../runtime/chain/reads/getDispute.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { readJobDisputes } from "../../../runtime/chain/reads/readJobEvents.ts";
import { action } from "../../action.ts";
import { clocksOf, pathOf, phaseText, winnerOf } from "../../describeDispute.ts";
import { inBatches } from "../../inBatches.ts";
import { table } from "../../output.ts";
import { id, short } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay dispute list` */
export function listDisputesCommand(shell: Shell): Command {
  return new Command("list")
    .description("list the disputes of this deployment, oldest first")
    .option("--job <id>", "only disputes against this job (default: all)", id)
    .action(
      action(shell, async ({ output, chain }, options: { job?: bigint }) => {
        const connected = await chain();
        let ids: bigint[];
        if (options.job === undefined) {
          ids = Array.from({ length: Number(await getDisputeCount(connected)) }, (_, i) => BigInt(i + 1));
        } else {
          await getJob(connected, options.job);
          ids = (await readJobDisputes(connected, options.job)).map(({ args }) => args.disputeId);
        }
        const disputes = await inBatches(ids, (disputeId) => getDispute(connected, disputeId));
        const now = (await connected.head()).timestamp;
        if (disputes.length === 0) output.note("There are no such disputes.");
        output.result(
          { disputes: disputes.map((dispute) => ({ ...dispute, path: pathOf(dispute), winner: winnerOf(dispute), clocks: clocksOf(dispute, now) })) },
          disputes.length === 0
            ? []
            : table(
                ["dispute", "job", "attempt", "path", "challenger", "state"],
                disputes.map((dispute) => [String(dispute.id), String(dispute.jobId), String(dispute.attempt), pathOf(dispute), short(dispute.challenger), phaseText(dispute, clocksOf(dispute, now))]),
              ),
        );
      }),
    );
}
