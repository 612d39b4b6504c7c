import { Command } from "commander";
import { formatAmount } from "../../../runtime/assets/asset.ts";
import { requestWithdrawal } from "../../../runtime/chain/calls/requestWithdrawal.ts";
import { withdrawStake } from "../../../runtime/chain/calls/withdrawStake.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import { action } from "../../action.ts";
import { amount, unitsOf, type Amount } from "../../amount.ts";
import { span, time } from "../../parse.ts";
import type { Shell } from "../../shell.ts";

/** `gainsay stake withdraw [AMOUNT]` */
export function withdrawCommand(shell: Shell): Command {
  return new Command("withdraw")
    .description("take free stake out: requests it first and tells when the delay is over; run again then, it pays out")
    .argument("[amount]", "ether, or coins of the deployment's token, as in 1.5, or with a unit: wei, gwei, ether (default: the request that waits, else all free stake); another amount than the one that waits replaces it", amount)
    .action(
      action(shell, async ({ output, sender, asset, progress, signal }, written: Amount | undefined) => {
        const paidIn = await asset();
        const asked = written === undefined ? undefined : unitsOf(written, paidIn);
        const from = await sender();
        const { chain, address: account } = from;
        const before = await getStakeAccount(chain, account);
        const now = (await chain.head()).timestamp;
        if (before.pending > 0n && (asked === undefined || asked === before.pending)) {
          if (now < before.availableAt) {
            return output.result(
              { account, state: "requested", amount: before.pending, availableAt: before.availableAt },
              [`${formatAmount(before.pending, paidIn)} can be withdrawn from ${time(before.availableAt)}, in ${span(before.availableAt - now)}; run this again then`],
            );
          }
          progress.update(`withdrawing ${formatAmount(before.pending, paidIn)}`);
          const receipt = await withdrawStake(from, { signal });
          progress.end();
          return output.result({ account, state: "withdrawn", amount: before.pending, transaction: receipt.transactionHash }, [`withdrew ${formatAmount(before.pending, paidIn)} to ${account}`]);
        }
        const wanted = asked ?? before.free;
        if (wanted === 0n) throw new GainsayError("The account has no free stake to withdraw.", { code: "STAKE_EMPTY", details: { account, locked: before.locked } });
        progress.update(`requesting the withdrawal of ${formatAmount(wanted, paidIn)}`);
        const receipt = await requestWithdrawal(from, wanted, { signal });
        const { availableAt } = await getStakeAccount(chain, account);
        progress.end();
        output.result(
          { account, state: "requested", amount: wanted, availableAt, transaction: receipt.transactionHash },
          [`requested the withdrawal of ${formatAmount(wanted, paidIn)}; it can be finished from ${time(availableAt)}, in ${span(Math.max(0, availableAt - (await chain.head()).timestamp))}: run this again then`],
        );
      }),
    );
}
