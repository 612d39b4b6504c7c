import { InvalidArgumentError, type Command, type Option } from "commander";
import { GainsayError } from "../protocol/errors.ts";
import { readCommandDefaults } from "../runtime/config/readCommandDefaults.ts";
import type { Origin } from "../runtime/config/resolveConfig.ts";
import { isRepeated } from "./parse.ts";

/** Words of a command from its group down, such as `executor start`. */
export function wordsOf(command: Command): string[] {
  const words: string[] = [];
  for (let at: Command | null = command; at?.parent != null; at = at.parent) words.unshift(at.name());
  return words;
}

/** Flags whose help names a variable of its own are settings, which the configuration reads. */
function isSetting({ description }: Option): boolean {
  return /GAINSAY_[A-Z]|no environment variable/.test(description);
}

/** Environment variable of a command's own flag: `executor start --min-fee` is `GAINSAY_EXECUTOR_MIN_FEE`. Undefined for settings. */
export function variableOf(words: readonly string[], option: Option): string | undefined {
  if (isSetting(option) || option.long === undefined || /^--(help|version)$/.test(option.long)) return undefined;
  const parts = [...words.filter((word) => word !== "start"), option.long.replace(/^--/, "")];
  return `GAINSAY_${parts.join("_").replaceAll("-", "_").toUpperCase()}`;
}

/** Where the values of a command's own flags come from, before its command line is read. */
export interface FlagSources {
  env: NodeJS.ProcessEnv;
  /** `--home` of the command line. */
  home?: string | undefined;
}

/**
 * Gives a command's own flags the values of environment and configuration file; the command line overrides them.
 * @throws GainsayError `CONFIG_INVALID`, `CONFIG_UNKNOWN_KEY`, `CONFIG_MALFORMED`.
 */
export function applyFlagSources(command: Command, { env, home }: FlagSources): Map<string, Origin> {
  const words = wordsOf(command);
  const file = readCommandDefaults(home ?? env["GAINSAY_HOME"], words.join(" "));
  const origins = new Map<string, Origin>();
  const unknown = Object.keys(file.values).filter((name) => !command.options.some((option) => option.long === `--${name}` && variableOf(words, option) !== undefined));
  if (unknown.length > 0) {
    throw new GainsayError(`The configuration file names flags that \`gainsay ${words.join(" ")}\` does not have: ${unknown.join(", ")}.`, { code: "CONFIG_UNKNOWN_KEY", kind: "usage", details: { file: file.file, command: words.join(" "), unknown } });
  }
  for (const option of command.options) {
    const variable = variableOf(words, option);
    if (variable === undefined) continue;
    const name = (option.long as string).slice(2);
    const inEnvironment = env[variable];
    if (inEnvironment !== undefined && inEnvironment !== "") {
      origins.set(name, { from: "environment", name: variable });
      setFlag(command, option, inEnvironment, variable);
    } else if (file.values[name] !== undefined) {
      origins.set(name, { from: "file", name: file.file });
      setFlag(command, option, file.values[name], file.file);
    } else origins.set(name, { from: "default" });
  }
  return origins;
}

function setFlag(command: Command, option: Option, value: string | readonly string[], source: string): void {
  const name = option.attributeName();
  const invalid = (reason: string): GainsayError => new GainsayError(`The value of ${option.long ?? ""} in ${source} is not valid: ${reason.replace(/\.$/, "")}.`, { code: "CONFIG_INVALID", kind: "usage", details: { flag: option.long, source } });
  if (option.isBoolean() || option.negate) {
    const on = /^(true|1|yes)$/i.test(String(value));
    if (!on && !/^(false|0|no)$/i.test(String(value))) throw invalid("Write true or false");
    command.setOptionValueWithSource(name, on !== option.negate, "env");
    return;
  }
  const texts = typeof value !== "string" ? value : isRepeated(option.parseArg) ? value.split(",").map((part) => part.trim()) : [value];
  const read = option.parseArg as ((text: string, before: unknown) => unknown) | undefined;
  const defaultValue = option.defaultValue as unknown;
  let result: unknown = defaultValue;
  try {
    for (const text of texts) {
      if (option.argChoices !== undefined && !option.argChoices.includes(text)) throw new InvalidArgumentError(`Allowed choices are ${option.argChoices.join(", ")}.`);
      result = read === undefined || option.argChoices !== undefined ? text : read(text, result);
    }
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  command.setOptionValueWithSource(name, result, "env");
  if (!isRepeated(option.parseArg) || read === undefined) return;
  // What the command line says takes the place of all of it.
  let first = true;
  option.argParser((text: string, before: unknown) => {
    const started = first ? defaultValue : before;
    first = false;
    return read(text, started);
  });
}
