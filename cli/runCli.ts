import { CommanderError } from "commander";
import { exitCodes, GainsayError } from "../protocol/errors.ts";
import { createProgram } from "./createProgram.ts";
import { reportError } from "./output.ts";
import type { Shell, Sink } from "./shell.ts";

/** Runs one command line (without `node` and the script) and resolves to its exit code; throws nothing. */
export async function runCli(args: readonly string[], shell: Shell): Promise<number> {
  // One document on stdout: a daemon that fails after it said that it is ready reports on standard error only.
  let written = false;
  const stdout: Sink = {
    ...(shell.stdout.isTTY === undefined ? {} : { isTTY: shell.stdout.isTTY }),
    ...(shell.stdout.columns === undefined ? {} : { columns: shell.stdout.columns }),
    ...(shell.stdout.rows === undefined ? {} : { rows: shell.stdout.rows }),
    write(text) {
      written = true;
      return shell.stdout.write(text);
    },
  };
  try {
    await (await createProgram({ ...shell, stdout }, args)).parseAsync([...args], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return reportError(error instanceof CommanderError ? usageError(error) : error, asksForJson(args) && !written, shell);
  }
}

/** Read from the raw words, because an error in them must be reported in the form that was asked for. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}

function usageError(error: CommanderError): GainsayError {
  // Raised by commander where a command has only subcommands; the help has been shown.
  if (error.code === "commander.help") return new GainsayError("Give one of the commands above.", { code: "USAGE", kind: "usage" });
  const [what = "", hint] = error.message.replace(/^error: /, "").split("\n");
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1).replace(/\.$/, "")}`;
  const suggestion = hint === undefined ? "" : ` ${hint.replace(/^\(|\)$/g, "")}`;
  return new GainsayError(`${sentence}.${suggestion === "" ? " See --help." : suggestion}`, { code: "USAGE", kind: "usage" });
}
