import { GainsayError } from "../../protocol/errors.ts";
import { defaultHome, pathsOf, type Paths } from "./paths.ts";
import { readConfigFile } from "./readConfigFile.ts";
import { settings, type SettingName, type Settings } from "./settings.ts";

/** Where a value came from; `name` is the variable or file. */
export interface Origin {
  from: "flag" | "environment" | "file" | "default";
  name?: string;
}

export interface Config {
  settings: Settings;
  origins: Record<SettingName | "home", Origin>;
  paths: Paths;
}

export interface ConfigSources {
  /** Values from the command line, as typed or parsed; undefined is absent. */
  flags?: Partial<Record<SettingName, unknown>>;
  /** `--home`. */
  home?: string | undefined;
  env?: NodeJS.ProcessEnv;
}

/**
 * Settles each setting: flag, then environment variable, then `config.json` in the home folder, then default.
 * @throws GainsayError `CONFIG_MALFORMED`, `CONFIG_UNKNOWN_KEY` or `CONFIG_INVALID`, each naming where the value came from.
 */
export function resolveConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? process.env;
  const flags = sources.flags ?? {};
  const home = pick(sources.home, env["GAINSAY_HOME"]);
  const paths = pathsOf(home?.value ?? defaultHome());
  const file = readSettings(paths.configFile);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = { home: home?.origin ?? { from: "default" } };
  for (const [name, setting] of Object.entries(settings)) {
    const variable = env[setting.env];
    let value: unknown = setting.default;
    let origin: Origin = { from: "default" };
    if (flags[name as SettingName] !== undefined) {
      value = flags[name as SettingName];
      origin = { from: "flag" };
    } else if (variable !== undefined && variable !== "") {
      value = variable;
      origin = { from: "environment", name: setting.env };
    } else if (file[name] !== undefined) {
      value = file[name];
      origin = { from: "file", name: paths.configFile };
    }
    const parsed = setting.schema.safeParse(value);
    if (!parsed.success) throw invalid(name, origin, parsed.error.issues[0]?.message ?? "not allowed");
    values[name] = parsed.data;
    origins[name] = origin;
  }
  return { settings: values as Settings, origins: origins as Config["origins"], paths };
}

function pick(flag: string | undefined, variable: string | undefined): { value: string; origin: Origin } | undefined {
  if (flag !== undefined) return { value: flag, origin: { from: "flag" } };
  if (variable !== undefined && variable !== "") return { value: variable, origin: { from: "environment", name: "GAINSAY_HOME" } };
  return undefined;
}

/** The settings of the configuration file; what single commands take from it is read with them. */
function readSettings(file: string): Record<string, unknown> {
  const value = readConfigFile(file);
  const unknown = Object.keys(value).filter((key) => key !== "commands" && !Object.hasOwn(settings, key));
  if (unknown.length > 0) {
    throw new GainsayError(`The configuration file has settings that do not exist: ${unknown.join(", ")}.`, {
      code: "CONFIG_UNKNOWN_KEY",
      kind: "usage",
      details: { file, unknown, known: [...Object.keys(settings), "commands"] },
    });
  }
  return value;
}

function invalid(name: string, origin: Origin, reason: string): GainsayError {
  const place = origin.from === "flag" ? "on the command line" : origin.from === "environment" ? `in ${origin.name}` : `in ${origin.name ?? "the defaults"}`;
  return new GainsayError(`The setting ${name} ${place} is not valid: ${reason}.`, { code: "CONFIG_INVALID", kind: "usage", details: { setting: name, from: origin.from, source: origin.name } });
}
