import { table } from "../../output.ts";
import { ETHER, formatAmount } from "../../../runtime/assets/asset.ts";
import type { Balances } from "./balances.ts";
import type { DisputeStory } from "./observeDispute.ts";
import type { JobStory } from "./playJob.ts";

export interface DemoResult {
  jobs: readonly JobStory[];
  disputes: readonly DisputeStory[];
  receipt: { verified: boolean };
  before: Balances;
  after: Balances;
  gas: bigint;
  conserved: boolean;
}

/** The tables at the end of the demo. */
export function summary({ jobs, disputes, receipt, before, after, gas, conserved }: DemoResult): string[] {
  return [
    "",
    ...table(
      ["job", "status", "digit shown", "label delivered", "attempts"],
      jobs.map(({ id, status, digit, label, attempts }) => [id, status, String(digit), String(label), String(attempts)]),
    ),
    "",
    ...table(
      ["dispute", "path", "winner", "step", "element", "rounds", "gas"],
      disputes.map(({ id, path, winner, step, element, rounds, gas: spent }) => [id, path, winner, String(step), String(element), String(rounds), spent]),
    ),
    "",
    ...table(
      ["money", "before", "after", "change"],
      Object.entries(after.holders).map(([name, wei]) => {
        const change = wei - (before.holders[name] ?? 0n);
        return [name, formatAmount(before.holders[name] ?? 0n, ETHER), formatAmount(wei, ETHER), `${change > 0n ? "+" : ""}${formatAmount(change, ETHER)}`];
      }),
    ),
    `gas cost ${formatAmount(gas, ETHER)}; balances ${conserved ? "add up to the wei, burn included" : "DO NOT add up"}; receipt ${receipt.verified ? "verified" : "NOT verified"}`,
  ];
}
