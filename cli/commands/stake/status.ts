import { Command } from "commander";
import { getTokenBalance } from "../../../runtime/chain/approvePayment.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import { ether, time } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake status [ACCOUNT]` */
export function stakeStatusCommand(shell: Shell): Command {
  return new Command("status")
    .description("show stake, pending withdrawal, credits and balance of an account")
    .argument("[account]", "address or name of a key (default: the account of --key)")
    .action(
      action(shell, async ({ output, addressOf, chain }, text: string | undefined) => {
        const account = await addressOf(text);
        const connected = await chain();
        const { token } = connected.deployment;
        const [stake, balance, tokenBalance] = await Promise.all([getStakeAccount(connected, account), getBalance(connected, account), getTokenBalance(connected, account)]);
        output.result(
          { account, ...stake, balance, ...(token === undefined ? {} : { token, tokenBalance }) },
          pairs([
            ["account", account],
            ["free stake", ether(stake.free)],
            ["locked stake", ether(stake.locked)],
            ["withdrawal", stake.pending === 0n ? undefined : `${ether(stake.pending)}, from ${time(stake.availableAt)}`],
            ["credits", ether(stake.credits)],
            ["balance", ether(balance)],
            ["token", token === undefined ? undefined : `${token}, balance ${tokenBalance} of its smallest units`],
          ]),
        );
      }),
    );
}
