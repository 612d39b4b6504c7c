import type { Party } from "./calls.ts";
import { need } from "./refuse.ts";
import type { Setting, State } from "./state.ts";

/** The shares of a slashed collateral: half of it up to the cap, a fifth, and the rest; whole units, the remainder burnt. */
export function sharesOf(collateral: bigint, rewardCap: bigint): { reward: bigint; compensation: bigint; burnt: bigint } {
  const half = collateral / 2n;
  const reward = half < rewardCap ? half : rewardCap;
  const compensation = collateral / 5n;
  return { reward, compensation, burnt: collateral - reward - compensation };
}

/** What the n-th missed delivery of a job costs: 5 %, 10 %, 20 %, then 40 % of the collateral. */
export function penaltyOf(collateral: bigint, missedBefore: number): bigint {
  const percent = 5n * 2n ** BigInt(Math.min(missedBefore, 3));
  return (collateral * percent) / 100n;
}

export function credit(state: State, party: Party, amount: bigint): void {
  state.accounts[party].credits += amount;
}

export function lock(state: State, party: Party, amount: bigint): void {
  const account = state.accounts[party];
  need(account.free >= amount, "InsufficientStake");
  account.free -= amount;
  account.locked += amount;
}

export function unlock(state: State, party: Party, amount: bigint): void {
  const account = state.accounts[party];
  account.locked -= amount;
  account.free += amount;
}

/** What each contract holds: exactly what it owes (contracts.md, "Where money is"). */
export function holdings(state: State, setting: Setting): { stakes: bigint; jobs: bigint; disputes: bigint } {
  let stakes = 0n;
  for (const account of Object.values(state.accounts)) stakes += account.free + account.locked + account.pending + account.credits;
  const inEscrow = state.job.status === "open" || state.job.status === "claimed" || state.job.status === "committed";
  let disputes = 0n;
  for (const dispute of state.disputes) if (dispute.phase !== "ended") disputes += dispute.bond;
  return { stakes, jobs: inEscrow ? setting.fee : 0n, disputes };
}
