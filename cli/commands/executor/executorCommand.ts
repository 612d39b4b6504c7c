import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { listExecutorsCommand } from "./list.ts";
import { startExecutorCommand } from "./start.ts";

/** `gainsay executor …` */
export function executorCommand(shell: Shell): Command {
  return new Command("executor").description("run inferences for pay, behind a stake").addCommand(startExecutorCommand(shell)).addCommand(listExecutorsCommand(shell));
}
