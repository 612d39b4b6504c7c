import type { StakeCall } from "./calls.ts";
import { need } from "./refuse.ts";
import type { Setting, State } from "./state.ts";

/** Deposits, withdrawals and what is collected: the entries of `Stakes` that are open to everybody. */
export function playStakes(state: State, setting: Setting, call: StakeCall): void {
  const account = state.accounts[call.by];
  switch (call.move) {
    case "deposit":
      need(call.payment === 0n, "WrongValue");
      account.free += call.amount;
      return;
    case "requestWithdrawal":
      // A request takes the place of the one before it.
      account.free += account.pending;
      need(account.free >= call.amount, "InsufficientStake");
      account.free -= call.amount;
      account.pending = call.amount;
      account.availableAt = state.now + setting.withdrawalDelay;
      return;
    case "withdraw":
      need(account.pending > 0n, "NothingToMove");
      need(state.now >= account.availableAt, "WithdrawalTooEarly");
      account.pending = 0n;
      return;
    case "collect":
      need(account.credits > 0n, "NothingToMove");
      account.credits = 0n;
  }
}
