import { constants } from "node:os";
import { Command, InvalidArgumentError } from "commander";

/** The command line of a script: `--help` lists what there is, and whatever is wrong ends the process with code 2 and a line that says what is right. */
export function commandLine(usage: string, about: string): Command {
  return new Command(usage)
    .description(about)
    .allowExcessArguments(false)
    .configureHelp({ helpWidth: 120 })
    .showHelpAfterError("--help lists the options.")
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
}

/** Lets handlers of `exit` run when the process is told to end, so that processes it started end, too. Not for scripts that wait for others with `spawnSync`. */
export function exitOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

/** Reads words separated by `separator`. */
export function list(text: string, separator = ","): string[] {
  return text.split(separator).map((word) => word.trim());
}

/** Makes a reader of words separated by commas, each of which is one of `choices`. */
export function listOf(choices: readonly string[]): (text: string) => string[] {
  return (text) => {
    const words = list(text);
    const unknown = words.filter((word) => !choices.includes(word));
    if (unknown.length > 0) throw new InvalidArgumentError(`There is no ${unknown.join(", ")}; choose among ${choices.join(", ")}.`);
    return words;
  };
}

/** Those of `all` that `isWanted`; ends the process with code 2 where that is none. */
export function choose<T extends { name: string }>(all: readonly T[], isWanted: (name: string) => boolean, option: string): T[] {
  const chosen = all.filter(({ name }) => isWanted(name));
  if (chosen.length > 0) return chosen;
  process.stderr.write(`${option} names none of ${all.map(({ name }) => name).join("; ")}.\n`);
  process.exit(2);
}
