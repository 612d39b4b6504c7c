import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { startWatcherCommand } from "./start.ts";

/** `gainsay watcher …` */
export function watcherCommand(shell: Shell): Command {
  return new Command("watcher").description("re-execute committed jobs and dispute what is wrong").addCommand(startWatcherCommand(shell));
}
