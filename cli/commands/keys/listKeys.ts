import { Command } from "commander";
import { listKeys } from "../../../runtime/keys/listKeys.ts";
import { action } from "../../action.ts";
import { table } from "../../output.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay keys list` */
export function listKeysCommand(shell: Shell): Command {
  return new Command("list").description("list the keystores of the home; needs no password").action(
    action(shell, async ({ output, paths }) => {
      const keys = await listKeys(paths.keys);
      if (keys.length === 0) output.note(`There are no keys in ${paths.keys}; make one with \`gainsay keys new NAME\`.`);
      output.result({ keys }, keys.length === 0 ? [] : table(["name", "address"], keys.map(({ name, address, error }) => [name, address ?? (error === undefined ? "(not in the file)" : `not usable: ${error}`)])));
    }),
  );
}
