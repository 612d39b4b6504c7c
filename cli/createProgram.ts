import { createRequire } from "node:module";
import { Command, type Option } from "commander";
import { ETHER, formatAmount } from "../runtime/assets/asset.ts";
import { applyFlagSources, variableOf, wordsOf } from "./flagSources.ts";
import { addGlobalFlags, type GlobalFlags } from "./globalFlags.ts";
import { unitOf } from "./parse.ts";
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
  status: async () => (await import("./commands/status/statusCommand.ts")).statusCommand,
  doctor: async () => (await import("./commands/doctor/doctorCommand.ts")).doctorCommand,
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
  prepare(program, shell, words.includes("--help") || words.includes("-h"));
  return program;
}

/** Settings that commands do not inherit when they are added as a whole. */
function prepare(command: Command, shell: Shell, helpOnly: boolean): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: shell.stdout.columns ?? 120, optionDescription: (option) => describeFlag(option, wordsOf(command)) })
    // What is wrong is reported in one place with all other errors; only help asked for or needed is written here.
    .configureOutput({ writeOut: (text) => void shell.stdout.write(text), writeErr: (text) => void (text.startsWith("error:") || shell.stderr.write(text)), outputError: () => undefined });
  if (command.commands.length === 0 && command.parent !== null) return;
  command.hook("preSubcommand", (_, child) => {
    // Help must be had also where a variable or the file is wrong.
    if (!helpOnly && child.commands.length === 0 && child.name() !== "help") applyFlagSources(child, { env: shell.env, home: rootOf(child).opts<GlobalFlags>().home });
  });
  for (const child of command.commands) prepare(child, shell, helpOnly);
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** Help of a flag: what it says, its unit, its choices, its environment variable, and its default, each unless the text names it. */
export function describeFlag(option: Option, words: readonly string[]): string {
  const { description, argChoices, defaultValue, defaultValueDescription } = option;
  const extra: string[] = [];
  const unit = unitOf(option.parseArg);
  if (unit !== undefined && argChoices === undefined && !(/\brepeated\b/.test(unit) && /\brepeated\b|once for each/.test(description)) && !/(seconds|ether,? or|bytes) /.test(description)) extra.push(unit);
  if (argChoices !== undefined) extra.push(`one of ${argChoices.join(", ")}`);
  if (defaultValue !== undefined && defaultValue !== "" && !/\bdefault\b/.test(description)) extra.push(`default ${defaultValueDescription ?? (typeof defaultValue === "bigint" ? formatAmount(defaultValue, ETHER) : String(defaultValue))}`);
  else if ((defaultValue === undefined || defaultValue === "") && !/\bdefault\b|--help|--version/.test(`${description}${option.long}`)) extra.push(option.isBoolean() ? "default no" : option.mandatory ? "must be given" : "no default");
  const variable = variableOf(words, option);
  if (variable !== undefined) extra.push(`env ${variable}`);
  return extra.length === 0 ? description : `${description} (${extra.join("; ")})`;
}
