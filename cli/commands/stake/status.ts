import { Command } from "commander";
import { ETHER, formatAmount } from "../../../runtime/assets/asset.ts";
import { getTokenBalance } from "../../../runtime/chain/approvePayment.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { action } from "../../action.ts";
import { pairs } from "../../output.ts";
import { time } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake status [ACCOUNT]` */
export function stakeStatusCommand(shell: Shell): Command {
  return new Command("status")
    .description("show stake, pending withdrawal, credits and balance of an account")
    .argument("[account]", "address or name of a key (default: the account of --key)")
    .action(
      action(shell, async ({ output, addressOf, chain, asset }, text: string | undefined) => {
        const account = await addressOf(text);
        const connected = await chain();
        const paidIn = await asset();
        const [stake, balance, tokenBalance] = await Promise.all([getStakeAccount(connected, account), getBalance(connected, account), getTokenBalance(connected, account)]);
        output.result(
          { account, ...stake, balance, ...(paidIn.token === undefined ? {} : { token: paidIn.token, tokenBalance }), asset: paidIn },
          pairs([
            ["account", account],
            ["free stake", formatAmount(stake.free, paidIn)],
            ["locked stake", formatAmount(stake.locked, paidIn)],
            ["withdrawal", stake.pending === 0n ? undefined : `${formatAmount(stake.pending, paidIn)}, from ${time(stake.availableAt)}`],
            ["credits", formatAmount(stake.credits, paidIn)],
            ["balance", formatAmount(balance, ETHER)],
            ["token balance", paidIn.token === undefined ? undefined : formatAmount(tokenBalance, paidIn)],
            ["token", paidIn.token],
          ]),
        );
      }),
    );
}
