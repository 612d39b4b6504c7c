import { writeFile } from "node:fs/promises";
import { formatEther } from "viem";
import type { Reckoning } from "../playAdversary.ts";

const ether = (wei: bigint): string => Number(formatEther(wei)).toFixed(4);
const thousands = (gas: bigint): string => `${Math.round(Number(gas) / 1000)}k`;

/** One row an adversary: what it tried, how it ended, and what that cost both sides. */
export function reportOf(reckonings: readonly Reckoning[]): string {
  const rows = reckonings.map(({ name, aim, how, attackCost, attackGas, honestGain, honestGas, burnt, seconds }) => [
    name, aim, how, ether(attackCost), `${thousands(attackGas.gas)} (${attackGas.transactions})`, ether(honestGain), `${thousands(honestGas.gas)} (${honestGas.transactions})`, ether(burnt), seconds?.toString() ?? "",
  ]);
  const head = ["adversary", "what it tries", "how it ends", "costs it", "its gas (txs)", "honest side gains", "its gas (txs)", "burnt", "seconds"];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i < 3 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

/** Leaves the table where `GAINSAY_ADVERSARIES_REPORT` says. */
export async function writeReport(reckonings: readonly Reckoning[]): Promise<void> {
  const file = process.env["GAINSAY_ADVERSARIES_REPORT"];
  if (file !== undefined) await writeFile(file, `${reportOf(reckonings)}\n`);
}
