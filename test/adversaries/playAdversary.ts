import { expect } from "vitest";
import type { Adversary } from "./support/adversary.ts";
import type { Town } from "./support/createTown.ts";
import { gasBills, wealthOf, type GasBill } from "./support/ledgerOf.ts";

/** What a scene cost everybody. */
export interface Reckoning {
  name: string;
  aim: string;
  how: string;
  /** Accounts on the adversary's side. */
  attackers: number;
  /** wei that the adversary's side has less than before, gas included. */
  attackCost: bigint;
  attackGas: GasBill;
  /** wei that the honest executor, watcher and requester together have more than before, gas included. */
  honestGain: bigint;
  honestGas: GasBill;
  burnt: bigint;
  seconds: number | undefined;
}

const honest = ["executor", "watcher", "requester"];

/** Plays a scene and compares everybody's money before and after, to the wei. */
export async function playAdversary(town: Town, { name, aim, play }: Adversary): Promise<Reckoning> {
  const { chain, clock, parties } = town;
  for (const party of Object.keys(parties)) if (!honest.includes(party)) delete parties[party];
  const before = await clock.hold(() => wealthOf(chain, parties));
  const known = Object.keys(parties);
  const { gains, burnt = 0n, attackers, how, seconds } = await play(town);
  const after = await clock.hold(() => wealthOf(chain, parties));
  const bills = await gasBills(chain, parties, before.block, after.block);
  const start = (party: string): bigint => (known.includes(party) ? (before.parties[party] as bigint) : NEWCOMER);
  const change = (party: string): bigint => (after.parties[party] as bigint) - start(party);
  const bill = (party: string): GasBill => bills[party] as GasBill;

  const without = Object.fromEntries(Object.keys(parties).map((party) => [party, change(party) + bill(party).wei]));
  expect(without, `${name}: gains without gas`).toEqual(Object.fromEntries(Object.keys(parties).map((party) => [party, gains[party] ?? 0n])));
  expect(after.burnt - before.burnt, `${name}: burnt`).toBe(burnt);
  // Nobody of an earlier scene has moved money since, so what the contracts hold has changed by what they keep for these.
  expect(after.held - before.held, `${name}: what the contracts hold`).toBe(after.kept - before.kept);

  const sum = <T>(names: string[], of: (party: string) => T, add: (a: T, b: T) => T, zero: T): T => names.map(of).reduce(add, zero);
  const addBills = (a: GasBill, b: GasBill): GasBill => ({ gas: a.gas + b.gas, wei: a.wei + b.wei, transactions: a.transactions + b.transactions });
  const none: GasBill = { gas: 0n, wei: 0n, transactions: 0 };
  const victims = honest.filter((party) => !attackers.includes(party));
  return {
    name,
    aim,
    how,
    attackers: attackers.length,
    attackCost: -sum(attackers, change, (a, b) => a + b, 0n),
    attackGas: sum(attackers, bill, addBills, none),
    honestGain: sum(victims, change, (a, b) => a + b, 0n),
    honestGas: sum(victims, bill, addBills, none),
    burnt,
    seconds,
  };
}

/** wei that everybody who joins has. */
const NEWCOMER = 1000n * 10n ** 18n;
