import { Command } from "commander";
import { formatAmount, type Asset } from "../../../runtime/assets/asset.ts";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { readJobEvents, type JobEvent } from "../../../runtime/chain/reads/readJobEvents.ts";
import { action } from "../../action.ts";
import { describeJob } from "../../describeJob.ts";
import { pairs } from "../../output.ts";
import { id, short } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay job status ID` */
export function jobStatusCommand(shell: Shell): Command {
  return new Command("status")
    .description("show where a job is, what it waits for, and what has happened to it")
    .argument("<id>", "number of the job", id)
    .action(
      action(shell, async ({ output, chain, asset }, jobId: bigint) => {
        const connected = await chain();
        const paidIn = await asset();
        const [job, events, head] = await Promise.all([getJob(connected, jobId), readJobEvents(connected, jobId), connected.head()]);
        const history = events.map(({ name, args, blockNumber, transactionHash }) => ({ event: name, ...args, blockNumber, transaction: transactionHash }));
        output.result({ ...job, history }, [...pairs(describeJob(job, head.timestamp, paidIn)), "", ...events.map((event) => `block ${event.blockNumber}  ${eventText(event, paidIn)}`)]);
      }),
    );
}

function eventText(event: JobEvent, asset: Asset): string {
  const money = (units: bigint): string => formatAmount(units, asset);
  switch (event.name) {
    case "Submitted":
      return `submitted by ${event.args.requester}, fee ${money(event.args.terms.fee)}`;
    case "InputPublished":
      return `input of ${(event.args.input.length - 2) / 2} bytes published`;
    case "Claimed":
      return `claimed by ${event.args.executor}, attempt ${event.args.attempt}`;
    case "Committed":
      return `committed by ${event.args.executor}, attempt ${event.args.attempt}, trace ${short(event.args.traceRoot)}, output ${short(event.args.outputRoot)}`;
    case "Finalized":
      return `final: ${event.args.executor} earned ${money(event.args.fee)}`;
    case "Expired":
      return `missed by ${event.args.executor}, who lost ${money(event.args.penalty)}`;
    case "Convicted":
      return `${event.args.executor} convicted by ${event.args.challenger}: reward ${money(event.args.reward)}, compensation ${money(event.args.compensation)}, burned ${money(event.args.burned)}`;
    case "CommitmentUnfolded":
      return `attempt ${event.args.attempt} unfolded for a dispute`;
    case "Delivered":
      return `delivered to ${event.args.consumer}, which ${event.args.accepted ? "accepted it" : "failed"}`;
    case "Reopened":
      return `open again for attempt ${event.args.attempt}`;
    case "Cancelled":
      return `cancelled, ${money(event.args.refund)} refunded`;
    default:
      return (event as { name: string }).name;
  }
}
