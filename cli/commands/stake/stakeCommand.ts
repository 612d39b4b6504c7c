import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { collectCommand } from "./collect.ts";
import { depositCommand } from "./deposit.ts";
import { stakeStatusCommand } from "./status.ts";
import { withdrawCommand } from "./withdraw.ts";

/** `gainsay stake …` */
export function stakeCommand(shell: Shell): Command {
  const group = new Command("stake").description("the money that stands behind an executor's commitments, and what an account may collect");
  for (const command of [depositCommand, withdrawCommand, collectCommand, stakeStatusCommand]) group.addCommand(command(shell));
  return group;
}
