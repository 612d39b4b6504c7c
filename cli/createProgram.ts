import { createRequire } from "node:module";
import { Command, type Option } from "commander";
import { auditCommand } from "./commands/audit/auditCommand.ts";
import { configCommand } from "./commands/config/configCommand.ts";
import { conformanceCommand } from "./commands/conformance/conformanceCommand.ts";
import { demoCommand } from "./commands/demo/demoCommand.ts";
import { devnetCommand } from "./commands/devnet/devnetCommand.ts";
import { disputeCommand } from "./commands/dispute/disputeCommand.ts";
import { executorCommand } from "./commands/executor/executorCommand.ts";
import { jobCommand } from "./commands/job/jobCommand.ts";
import { keysCommand } from "./commands/keys/keysCommand.ts";
import { modelCommand } from "./commands/model/modelCommand.ts";
import { receiptCommand } from "./commands/receipt/receiptCommand.ts";
import { stakeCommand } from "./commands/stake/stakeCommand.ts";
import { watcherCommand } from "./commands/watcher/watcherCommand.ts";
import { addGlobalFlags } from "./globalFlags.ts";
import { ether } from "./parse.ts";
import type { Shell } from "./shell.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** The command tree. Each group makes its commands from the shell; nothing runs before the tree is parsed. */
export function createProgram(shell: Shell): Command {
  const program = addGlobalFlags(new Command("gainsay"))
    .description("Optimistic fraud proofs for ONNX inference: run jobs, check results, dispute what is wrong.")
    .version(version, "-V, --version", "print the version")
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 a verification did not hold, 75 try again later.");
  for (const group of [demoCommand, devnetCommand, modelCommand, stakeCommand, executorCommand, watcherCommand, jobCommand, disputeCommand, receiptCommand, keysCommand, configCommand, auditCommand, conformanceCommand]) program.addCommand(group(shell));
  prepare(program, shell);
  return program;
}

/** Settings that commands do not inherit when they are added as a whole. */
function prepare(command: Command, shell: Shell): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: shell.stdout.columns ?? 120, optionDescription })
    // What is wrong is reported in one place with all other errors; only help asked for or needed is written here.
    .configureOutput({ writeOut: (text) => void shell.stdout.write(text), writeErr: (text) => void (text.startsWith("error:") || shell.stderr.write(text)), outputError: () => undefined });
  for (const child of command.commands) prepare(child, shell);
}

/** Help of a flag: what it says, its choices, and its default unless the text names it. */
function optionDescription({ description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const extra: string[] = [];
  if (argChoices !== undefined) extra.push(`one of ${argChoices.join(", ")}`);
  if (defaultValue !== undefined && defaultValue !== "" && !/\bdefault\b/.test(description)) extra.push(`default ${defaultValueDescription ?? (typeof defaultValue === "bigint" ? ether(defaultValue) : String(defaultValue))}`);
  return extra.length === 0 ? description : `${description} (${extra.join("; ")})`;
}
