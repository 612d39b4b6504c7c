import { GainsayError } from "../../protocol/errors.ts";
import { defaultHome, pathsOf } from "./paths.ts";
import { readConfigFile } from "./readConfigFile.ts";

export interface CommandDefaults {
  file: string;
  /** By the flag's name without its dashes; a list is a flag given several times. */
  values: Record<string, string | readonly string[]>;
}

/**
 * Values of one command's own flags in `config.json`: `{"commands": {"executor start": {"min-fee": "0.1"}}}`.
 * @throws GainsayError `CONFIG_MALFORMED`.
 */
export function readCommandDefaults(home: string | undefined, command: string): CommandDefaults {
  const file = pathsOf(home === undefined || home === "" ? defaultHome() : home).configFile;
  const commands = readConfigFile(file)["commands"] ?? {};
  const malformed = (what: string): GainsayError => new GainsayError(`The configuration file's "commands" ${what}.`, { code: "CONFIG_MALFORMED", kind: "usage", details: { file } });
  if (!isObject(commands)) throw malformed("must be an object of commands");
  const flags = commands[command] ?? {};
  if (!isObject(flags)) throw malformed(`must hold an object of flags under "${command}"`);
  const values: CommandDefaults["values"] = {};
  for (const [name, value] of Object.entries(flags)) {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    if (!items.every((item) => ["string", "number", "boolean"].includes(typeof item))) throw malformed(`must hold texts, numbers, true or false, or lists of them, under "${command}" and "${name}"`);
    values[name] = Array.isArray(value) ? items.map(String) : String(value);
  }
  return { file, values };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
