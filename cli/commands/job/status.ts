import { Command } from "commander";
import { getJob } from "../../../runtime/chain/reads/getJob.ts";
import { readJobEvents, type JobEvent } from "../../../runtime/chain/reads/readJobEvents.ts";
import { action } from "../../action.ts";
import { describeJob } from "../../describeJob.ts";
import { pairs } from "../../output.ts";
import { ether, id, short } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay job status ID` */
export function jobStatusCommand(shell: Shell): Command {
  return new Command("status")
    .description("show where a job is, what it waits for, and what has happened to it")
    .argument("<id>", "number of the job", id)
    .action(
      action(shell, async ({ output, chain }, jobId: bigint) => {
        const connected = await chain();
        const [job, events, head] = await Promise.all([getJob(connected, jobId), readJobEvents(connected, jobId), connected.head()]);
        const history = events.map(({ name, args, blockNumber, transactionHash }) => ({ event: name, ...args, blockNumber, transaction: transactionHash }));
        output.result({ ...job, history }, [...pairs(describeJob(job, head.timestamp)), "", ...events.map((event) => `block ${event.blockNumber}  ${eventText(event)}`)]);
      }),
    );
}

function eventText(event: JobEvent): string {
  switch (event.name) {
    case "Submitted":
      return `submitted by ${event.args.requester}, fee ${ether(event.args.terms.fee)}`;
    case "InputPublished":
      return `input of ${(event.args.input.length - 2) / 2} bytes published`;
    case "Claimed":
      return `claimed by ${event.args.executor}, attempt ${event.args.attempt}`;
    case "Committed":
      return `committed by ${event.args.executor}, attempt ${event.args.attempt}, trace ${short(event.args.traceRoot)}, output ${short(event.args.outputRoot)}`;
    case "Finalized":
      return `final: ${event.args.executor} earned ${ether(event.args.fee)}`;
    case "Expired":
      return `missed by ${event.args.executor}, who lost ${ether(event.args.penalty)}`;
    case "Convicted":
      return `${event.args.executor} convicted by ${event.args.challenger}: reward ${ether(event.args.reward)}, compensation ${ether(event.args.compensation)}, burned ${ether(event.args.burned)}`;
    case "CommitmentUnfolded":
      return `attempt ${event.args.attempt} unfolded for a dispute`;
    case "Delivered":
      return `delivered to ${event.args.consumer}, which ${event.args.accepted ? "accepted it" : "failed"}`;
    case "Reopened":
      return `open again for attempt ${event.args.attempt}`;
    case "Cancelled":
      return `cancelled, ${ether(event.args.refund)} refunded`;
    default:
      return (event as { name: string }).name;
  }
}
