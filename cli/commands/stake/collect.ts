import { Command } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { collectCredits } from "../../../runtime/chain/calls/collectCredits.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake collect` */
export function collectCommand(shell: Shell): Command {
  return new Command("collect").description("pay out the account's credits: fees, rewards, refunds, compensations").action(
    action(shell, async ({ output, sender, asset, progress, signal }) => {
      const from = await sender();
      const paidIn = await asset();
      const { credits } = await getStakeAccount(from.chain, from.address);
      if (credits === 0n) return output.result({ account: from.address, collected: 0n }, ["there is nothing to collect"]);
      progress.update(`collecting ${formatAmount(credits, paidIn)}`);
      const receipt = await collectCredits(from, { signal });
      progress.end();
      output.result({ account: from.address, collected: credits, transaction: receipt.transactionHash }, [`collected ${formatAmount(credits, paidIn)} to ${from.address}`]);
    }),
  );
}
