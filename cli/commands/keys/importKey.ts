import { Command } from "commander";
import { importKey, type PrivateKeySource } from "../../../runtime/keys/importKey.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay keys import NAME` */
export function importKeyCommand(shell: Shell): Command {
  return new Command("import")
    .description("store an existing private key encrypted; it is read from GAINSAY_PRIVATE_KEY if that is set, else from standard input, never from the command line")
    .argument("<name>", "name of the keystore: letters, digits, hyphens, underscores")
    .option("--from <file>", "file that holds the private key, 64 hexadecimal digits (default: see above)")
    .action(
      action(shell, async ({ output, paths, password }, name: string, options: { from?: string }) => {
        const source: PrivateKeySource = options.from !== undefined ? { file: options.from } : shell.env["GAINSAY_PRIVATE_KEY"] ? { env: shell.env } : { stdin: shell.stdin };
        if ("stdin" in source && shell.stdin.isTTY === true) output.note("Paste the private key, then Enter and Ctrl-D. It will show on the screen.");
        const key = await importKey(name, source, { keysFolder: paths.keys, password: password({ purpose: `the key ${name}`, confirm: true }) });
        output.result(key, pairs([["name", key.name], ["address", key.address], ["file", key.file]]));
      }),
    );
}
