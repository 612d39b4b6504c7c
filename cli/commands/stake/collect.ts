import { Command } from "commander";
import { collectCredits } from "../../../runtime/chain/calls/collectCredits.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import { ether } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake collect` */
export function collectCommand(shell: Shell): Command {
  return new Command("collect").description("pay out the account's credits: fees, rewards, refunds, compensations").action(
    action(shell, async ({ output, sender, progress, signal }) => {
      const from = await sender();
      const { credits } = await getStakeAccount(from.chain, from.address);
      if (credits === 0n) return output.result({ account: from.address, collected: 0n }, ["there is nothing to collect"]);
      progress.update(`collecting ${ether(credits)}`);
      const receipt = await collectCredits(from, { signal });
      progress.end();
      output.result({ account: from.address, collected: credits, transaction: receipt.transactionHash }, [`collected ${ether(credits)} to ${from.address}`]);
    }),
  );
}
