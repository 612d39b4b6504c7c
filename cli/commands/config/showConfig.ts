import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { ETHER, formatAmount } from "../../../runtime/assets/asset.ts";
import type { Origin } from "../../../runtime/config/resolveConfig.ts";
import { settings as known, type SettingName } from "../../../runtime/config/settings.ts";
import { action } from "../../action.ts";
import { applyFlagSources, variableOf } from "../../flagSources.ts";
import { table } from "../../output.ts";
import type { Shell } from "../../shell.ts";

interface Entry {
  name: string;
  value: unknown;
  origin: Origin;
  env: string;
}

/** `gainsay config show [COMMAND…]` */
export function showConfigCommand(shell: Shell): Command {
  return new Command("show")
    .description("show every setting with its value, where it came from, and its environment variable; with the words of a command also that command's own flags")
    .argument("[command...]", "words of a command, such as executor start")
    .action(
      action(shell, async ({ output, config }, words: string[]) => {
        const names = Object.keys(known) as SettingName[];
        const entries: Entry[] = [
          { name: "home", value: config.paths.home, origin: config.origins.home, env: "GAINSAY_HOME" },
          ...names.map((name) => ({ name, value: config.settings[name] as unknown, origin: config.origins[name], env: known[name].env as string })),
        ];
        const flags = words.length === 0 ? [] : await flagsOf(words, shell, config.paths.home);
        output.result(
          { settings: toDocument(entries), ...(words.length === 0 ? {} : { command: words.join(" "), flags: toDocument(flags) }), configFile: config.paths.configFile },
          [
            ...table(["setting", "value", "from", "environment"], entries.map(toRow)),
            ...(flags.length === 0 ? [] : ["", ...table([`flag of ${words.join(" ")}`, "value", "from", "environment"], flags.map(toRow))]),
            "",
            `configuration file: ${config.paths.configFile}`,
          ],
        );
      }),
    );
}

/** What holds for the flags of a command that are not settings, before its command line. */
async function flagsOf(words: readonly string[], shell: Shell, home: string): Promise<Entry[]> {
  // Loaded late: the whole tree of commands contains this one.
  const { createProgram } = await import("../../createProgram.ts");
  let command: Command | undefined = await createProgram(shell, words);
  for (const word of words) command = command?.commands.find((child) => child.name() === word);
  if (command === undefined || command.commands.length > 0) {
    throw new GainsayError(`There is no command \`gainsay ${words.join(" ")}\`; see \`gainsay --help\`.`, { code: "COMMAND_UNKNOWN", kind: "usage", details: { words } });
  }
  const origins = applyFlagSources(command, { env: shell.env, home });
  const found = command;
  return found.options.flatMap((option) => {
    const env = variableOf(words, option);
    const name = option.long?.slice(2) ?? "";
    const value = found.getOptionValue(option.attributeName()) as unknown;
    return env === undefined ? [] : [{ name, value: option.negate ? value === false : option.isBoolean() ? value === true : value, origin: origins.get(name) ?? { from: "default" as const }, env }];
  });
}

function toDocument(entries: readonly Entry[]): Record<string, unknown> {
  return Object.fromEntries(entries.map(({ name, value, origin, env }) => [name, { value: value ?? null, origin, env }]));
}

function toRow({ name, value, origin, env }: Entry): string[] {
  return [name, textOf(value), originText(origin), env];
}

function textOf(value: unknown): string {
  if (value === undefined || value === "") return "(none)";
  if (typeof value === "bigint") return formatAmount(value, ETHER);
  return Array.isArray(value) ? value.join(",") || "(none)" : String(value);
}

function originText({ from, name }: Origin): string {
  return name === undefined || from === "environment" ? from : `${from} ${name}`;
}
