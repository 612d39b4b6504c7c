import { Command, InvalidArgumentError, Option } from "commander";
import { parseMisbehaviour, type Misbehaviour } from "../../../node/misbehaviour.ts";
import type { Hex } from "../../../protocol/hex.ts";
import { action } from "../../action.ts";
import { amount, type Amount } from "../../amount.ts";
import { openInference } from "../../openInference.ts";
import { addDaemonFlags, type DaemonFlags } from "../../daemonFlags.ts";
import { duration, repeated, root } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

export interface ExecutorFlags extends DaemonFlags {
  program?: Hex[];
  minFee: Amount;
  maxCollateral: Amount;
  region: string;
  offer: boolean;
  claimDelay: number;
  retain: number;
  misbehave?: Misbehaviour;
}

/** `gainsay executor start` */
export function startExecutorCommand(shell: Shell): Command {
  return addDaemonFlags(new Command("start").description("claim jobs, run them, commit to their traces, defend them; runs until it is stopped"))
    .option("--program <root>", "serve only this program, may be repeated (default: every bundle in the data folder)", repeated(root))
    .option("--min-fee <amount>", "leave jobs that pay less (default 0)", amount, amount("0"))
    .option("--region <words>", "where this executor is, in its offers to requesters: up to 32 letters, digits and hyphens (default none)", region, "")
    .option("--no-offer", "do not offer the programs to requesters on the network; open jobs are taken all the same (default: offer)")
    .option("--max-collateral <amount>", "leave jobs that demand more collateral (default 100)", amount, amount("100"))
    .option("--claim-delay <time>", "how long a job must have been open before it is claimed (default 0 s)", duration, 0)
    .option("--retain <time>", "how long a trace is kept after its job's last deadline (default 1d)", duration, duration("1d"))
    .addOption(new Option("--misbehave <how>", "devnet only, to see disputes: answer, step=N, step=N/ELEMENT, withhold, separated by commas").argParser(parseMisbehaviour))
    .action(
      action(shell, async (context, flags: ExecutorFlags) => {
        const inference = openInference(context, { kind: "executor", name: flags.name }, flags.optimization);
        const { runExecutor } = await import("./runExecutor.ts");
        await runExecutor(context, flags, inference);
      }),
    );
}

function region(text: string): string {
  if (!/^[a-z0-9-]{0,32}$/.test(text.toLowerCase())) throw new InvalidArgumentError("Write up to 32 letters, digits and hyphens, such as eu-west.");
  return text.toLowerCase();
}
