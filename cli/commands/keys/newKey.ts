import { Command } from "commander";
import { createKey } from "../../../runtime/keys/createKey.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay keys new NAME` */
export function newKeyCommand(shell: Shell): Command {
  return new Command("new")
    .description("make a new account key and store it encrypted")
    .argument("<name>", "name of the keystore: letters, digits, hyphens, underscores")
    .action(
      action(shell, async ({ output, paths, password }, name: string) => {
        const key = await createKey(name, { keysFolder: paths.keys, password: password({ purpose: `the new key ${name}`, confirm: true }) });
        output.result(key, pairs([["name", key.name], ["address", key.address], ["file", key.file]]));
      }),
    );
}
