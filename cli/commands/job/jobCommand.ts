import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { cancelCommand } from "./cancel.ts";
import { deliverCommand } from "./deliver.ts";
import { expireCommand } from "./expire.ts";
import { listJobsCommand } from "./list.ts";
import { resultCommand } from "./result.ts";
import { jobStatusCommand } from "./status.ts";
import { submitCommand } from "./submit.ts";
import { waitCommand } from "./wait.ts";

/** `gainsay job …` */
export function jobCommand(shell: Shell): Command {
  const group = new Command("job").description("paid inferences: submit them, follow them, get their results");
  for (const command of [submitCommand, jobStatusCommand, waitCommand, listJobsCommand, resultCommand, deliverCommand, cancelCommand, expireCommand]) group.addCommand(command(shell));
  return group;
}
