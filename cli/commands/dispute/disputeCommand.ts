import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { listDisputesCommand } from "./list.ts";
import { showDisputeCommand } from "./show.ts";

/** `gainsay dispute …` */
export function disputeCommand(shell: Shell): Command {
  const group = new Command("dispute").description("challenges against commitments; watchers open and play them");
  for (const command of [listDisputesCommand, showDisputeCommand]) group.addCommand(command(shell));
  return group;
}
