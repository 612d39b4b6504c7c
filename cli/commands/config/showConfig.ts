import { Command } from "commander";
import type { Origin } from "../../../runtime/config/resolveConfig.ts";
import { settings as known, type SettingName } from "../../../runtime/config/settings.ts";
import { action } from "../../action.ts";
import { table } from "../../output.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay config show` */
export function showConfigCommand(shell: Shell): Command {
  return new Command("show").description("show every setting with its value, where it came from, and its environment variable").action(
    action(shell, async ({ output, config }) => {
      const names = Object.keys(known) as SettingName[];
      const entries = [
        { name: "home", value: config.paths.home as unknown, origin: config.origins.home, env: "GAINSAY_HOME" },
        ...names.map((name) => ({ name, value: config.settings[name] as unknown, origin: config.origins[name], env: known[name].env as string })),
      ];
      const value = Object.fromEntries(entries.map(({ name, value: set, origin, env }) => [name, { value: set ?? null, origin, env }]));
      output.result(
        { settings: value, configFile: config.paths.configFile },
        [...table(["setting", "value", "from", "environment"], entries.map(({ name, value: set, origin, env }) => [name, textOf(set), originText(origin), env])), "", `configuration file: ${config.paths.configFile}`],
      );
    }),
  );
}

function textOf(value: unknown): string {
  if (value === undefined) return "(none)";
  return Array.isArray(value) ? value.join(",") || "(none)" : String(value);
}

function originText({ from, name }: Origin): string {
  return name === undefined || from === "environment" ? from : `${from} ${name}`;
}
