import { Command } from "commander";
import type { Hex } from "../../../protocol/hex.ts";
import { action } from "../../action.ts";
import { duration, root } from "../../parse.ts";
import { peerFlag } from "../../peerFlag.ts";
import type { Shell } from "../../shell.ts";

export interface ListFlags {
  program?: Hex;
  all?: boolean;
  listenFor: number;
  peer?: string[];
}

/** `gainsay executor list` */
export function listExecutorsCommand(shell: Shell): Command {
  return new Command("list")
    .description("listen for the offers of executors and show them with stake, round trip, and what the chain knows of them")
    .option("--program <root>", "only offers of this program (default: all)", root)
    .option("--all", "also executors that offer nothing now but have claimed jobs before (default: only those that offer)")
    .option("--listen-for <time>", "how long to listen for offers, in seconds or with a unit s, m, h, d (default 5s)", duration, 5)
    .addOption(peerFlag())
    .action(
      action(shell, async (context, flags: ListFlags) => {
        // `executor start` is declared beside it, and must not wait for what this loads.
        const { listExecutors } = await import("./listExecutors.ts");
        await listExecutors(context, flags);
      }),
    );
}
