import { Command } from "commander";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import { amount, ether } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake deposit AMOUNT` */
export function depositCommand(shell: Shell): Command {
  return new Command("deposit")
    .description("add to the free stake of the account")
    .argument("<amount>", "ether as in 1.5, or with a unit: wei, gwei, ether", amount)
    .action(
      action(shell, async ({ output, sender, progress, signal }, wei: bigint) => {
        const from = await sender();
        progress.update(`depositing ${ether(wei)}`);
        const receipt = await depositStake(from, wei, { signal });
        const stake = await getStakeAccount(from.chain, from.address);
        progress.end();
        output.result({ account: from.address, deposited: wei, free: stake.free, transaction: receipt.transactionHash }, [`deposited ${ether(wei)} for ${from.address}; free stake is now ${ether(stake.free)}`]);
      }),
    );
}
