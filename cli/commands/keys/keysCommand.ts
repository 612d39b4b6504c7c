import { Command } from "commander";
import type { Shell } from "../../shell.ts";
import { importKeyCommand } from "./importKey.ts";
import { listKeysCommand } from "./listKeys.ts";
import { newKeyCommand } from "./newKey.ts";

/** `gainsay keys …` */
export function keysCommand(shell: Shell): Command {
  const group = new Command("keys").description("encrypted keystores of accounts, in the keys folder of the home");
  for (const command of [newKeyCommand, importKeyCommand, listKeysCommand]) group.addCommand(command(shell));
  return group;
}
