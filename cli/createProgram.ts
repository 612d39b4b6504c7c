import { createRequire } from "node:module";
import { Command, type Option } from "commander";
import { addGlobalFlags } from "./globalFlags.ts";
import { ether } from "./parse.ts";
import type { Shell } from "./shell.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** Groups of commands in the order of the help. A group is loaded when it is needed: some bring libp2p or ONNX Runtime along. */
const groups: Record<string, () => Promise<(shell: Shell) => Command>> = {
  demo: async () => (await import("./commands/demo/demoCommand.ts")).demoCommand,
  devnet: async () => (await import("./commands/devnet/devnetCommand.ts")).devnetCommand,
  deploy: async () => (await import("./commands/deploy/deployCommand.ts")).deployCommand,
  model: async () => (await import("./commands/model/modelCommand.ts")).modelCommand,
  stake: async () => (await import("./commands/stake/stakeCommand.ts")).stakeCommand,
  executor: async () => (await import("./commands/executor/executorCommand.ts")).executorCommand,
  watcher: async () => (await import("./commands/watcher/watcherCommand.ts")).watcherCommand,
  job: async () => (await import("./commands/job/jobCommand.ts")).jobCommand,
  dispute: async () => (await import("./commands/dispute/disputeCommand.ts")).disputeCommand,
  receipt: async () => (await import("./commands/receipt/receiptCommand.ts")).receiptCommand,
  keys: async () => (await import("./commands/keys/keysCommand.ts")).keysCommand,
  config: async () => (await import("./commands/config/configCommand.ts")).configCommand,
  audit: async () => (await import("./commands/audit/auditCommand.ts")).auditCommand,
  conformance: async () => (await import("./commands/conformance/conformanceCommand.ts")).conformanceCommand,
};

/** The command tree; with the command line's words only the group that one of them names, if any does. Each group makes its commands from the shell; nothing runs before the tree is parsed. */
export async function createProgram(shell: Shell, words: readonly string[] = []): Promise<Command> {
  const program = addGlobalFlags(new Command("gainsay"))
    .description("Optimistic fraud proofs for ONNX inference: run jobs, check results, dispute what is wrong.")
    .version(version, "-V, --version", "print the version")
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 a verification did not hold, 75 try again later.");
  const named = words.find((word) => Object.hasOwn(groups, word));
  for (const [name, load] of Object.entries(groups)) if (named === undefined || named === name) program.addCommand((await load())(shell));
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
