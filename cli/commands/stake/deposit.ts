import { Command } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import { amount, unitsOf, type Amount } from "../../amount.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake deposit AMOUNT` */
export function depositCommand(shell: Shell): Command {
  return new Command("deposit")
    .description("add to the free stake of the account")
    .argument("<amount>", "ether, or coins of the deployment's token, as in 1.5, or with a unit: wei, gwei, ether", amount)
    .action(
      action(shell, async ({ output, sender, asset, progress, signal }, asked: Amount) => {
        const paidIn = await asset();
        const deposited = unitsOf(asked, paidIn);
        const from = await sender();
        progress.update(`depositing ${formatAmount(deposited, paidIn)}`);
        const receipt = await depositStake(from, deposited, { signal });
        const stake = await getStakeAccount(from.chain, from.address);
        progress.end();
        output.result({ account: from.address, deposited, free: stake.free, transaction: receipt.transactionHash }, [`deposited ${formatAmount(deposited, paidIn)} for ${from.address}; free stake is now ${formatAmount(stake.free, paidIn)}`]);
      }),
    );
}
