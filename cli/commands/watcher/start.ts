import { Command, Option } from "commander";
import { DEFAULT_TOLERANCE, watcherModes, withheldAnswers, type WatcherMode, type WithheldAnswer } from "../../../watcher/options.ts";
import { action } from "../../action.ts";
import { amount, etherAmount, type Amount } from "../../amount.ts";
import { openInference } from "../../openInference.ts";
import { addDaemonFlags, type DaemonFlags } from "../../daemonFlags.ts";
import { duration, fraction, integer, webUrl } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

export interface WatcherFlags extends DaemonFlags {
  mode: WatcherMode;
  patience: number;
  onWithheld: WithheldAnswer;
  maxDemands: number;
  maxDemandStake: Amount;
  tolerance: number;
  defend: boolean;
  sample: number;
  webhook?: string;
  maxDailySpend: Amount;
  maxDailyGas: bigint;
}

/** `gainsay watcher start` */
export function startWatcherCommand(shell: Shell): Command {
  return addDaemonFlags(new Command("start").description("check every committed job of the programs in the data folder; runs until it is stopped"))
    .addOption(new Option("--mode <mode>", "what to do about a wrong result: observe says so in the log and needs no key, alert also warns other watchers, dispute also goes to the chain").choices([...watcherModes]).default("dispute"))
    .option("--patience <time>", "how long a trace may stay unavailable before it counts as withheld; at most a third of the challenge window", duration, duration("10m"))
    .addOption(
      new Option("--on-withheld <how>", "how to dispute a withheld trace whose root differs from the own one: bisect convicts every lie of an executor with floats like the own ones, demand needs no equal floats and finds the lies that reach an output, auto bisects where this executor's floats have been the own ones before, and demands elements elsewhere; alert only logs")
        .choices([...withheldAnswers])
        .default("bisect"),
    )
    .option("--max-demands <number>", "elements to demand in one dispute at most", integer(1, 16_384), 24)
    .option("--max-demand-stake <amount>", "bonds of demands at stake in one dispute at most", amount, amount("2"))
    .option("--tolerance <fraction>", "how far a posted tensor may be from what follows from the tensors before it, in units of its largest number, before what is inside of its block is looked at; from 0, which looks into every block that differs, to 1 (default 2^-16)", fraction, DEFAULT_TOLERANCE)
    .option("--no-defend", "do not make moves for honest executors that leave half of their clock unused")
    .option("--sample <fraction>", "share of the commitments that is checked, chosen by a secret of each start: from 0 to 1 (default 1)", fraction, 1)
    .option("--webhook <url>", "where mode alert and dispute also post wrong results, lost disputes and other watchers' warnings, as JSON (default: nowhere)", webUrl)
    .option("--max-daily-spend <amount>", "bonds, and where the deployment is paid in ether also gas, that may leave the account in 24 hours before no new dispute is begun; moves of open ones are always made", amount, amount("5"))
    .option("--max-daily-gas <amount>", "the same for gas alone, which is paid in ether in every deployment", etherAmount, etherAmount("5"))
    .action(
      action(shell, async (context, flags: WatcherFlags) => {
        const inference = openInference(context, { kind: "watcher", name: flags.name }, flags.optimization);
        const { runWatcher } = await import("./runWatcher.ts");
        await runWatcher(context, flags, inference);
      }),
    );
}
