// Gas of one verdict, by the judge's contracts on a chain in this process: `node scripts/judge-gas.ts [--json] [WORD …]`, after
// `hardhat build`; with words, only of the steps that have one of them in their names.
import { createChainJudge } from "../test/contracts/judge/createChainJudge.ts";
import { gasCases, measureGas } from "../test/contracts/judge/gasCases.ts";

const json = process.argv.includes("--json");
const asked = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chain = await createChainJudge();
const rows: Record<string, number | string>[] = [];
for (const item of gasCases()) {
  if (asked.length > 0 && !asked.some((word) => item.label.includes(word))) continue;
  const row = await measureGas(chain, item);
  rows.push({ step: item.label, terms: item.terms, ...row, "gas a term": Math.round(row.gas / item.terms) });
}
await chain.close();
if (json) console.log(JSON.stringify(rows));
else console.table(rows);
