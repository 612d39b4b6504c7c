import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { showConfigCommand } from "./showConfig.ts";

/** `gainsay config …` */
export function configCommand(shell: Shell): Command {
  return new Command("config").description("settings: flag, then environment, then config.json in the home, then default").addCommand(showConfigCommand(shell));
}
