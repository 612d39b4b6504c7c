// Copied into the workspace of a mutation run beside the gathered test files; not part of the project's own tests.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { network } from "hardhat";
import { it } from "vitest";
import { failing, run } from "./collect.ts";

interface Plan {
  /** Gathered test files, cheapest first. */
  files: string[];
  /** Mutants to try, each with the miner's address that turns it on and the files that are most likely to notice it. */
  mutants: { id: number; miner: string; first: string[] }[];
  /** Tests that fail without any mutant. */
  leftOut: string;
  results: string;
}

const plan = JSON.parse(readFileSync(process.env["GAINSAY_PLAN"] as string, "utf8")) as Plan;
const open: { close(): Promise<void> }[] = [];
let miner = "";
const create = network.create.bind(network);
Object.assign(network, {
  create: async (...args: Parameters<typeof create>) => {
    const connection = await create(...args);
    open.push(connection);
    if (miner !== "") await connection.provider.request({ method: "hardhat_setCoinbase", params: [miner] });
    return connection;
  },
});
const closeAll = async (): Promise<void> => {
  for (const connection of open.splice(0)) await connection.close().catch(() => undefined);
};

const defines = new Map<string, () => void>();
for (const file of plan.files) defines.set(file, ((await import(`./${file}`)) as { define: () => void }).define);

it("mutants", { timeout: 7_200_000 }, async () => {
  if (!existsSync(plan.leftOut)) {
    const left: Record<string, string[]> = {};
    for (const [file, define] of defines) left[file] = [...(await failing(define))];
    writeFileSync(plan.leftOut, JSON.stringify(left, null, 1));
    await closeAll();
  }
  const left = JSON.parse(readFileSync(plan.leftOut, "utf8")) as Record<string, string[]>;
  for (const { id, miner: mine, first } of plan.mutants) {
    miner = mine;
    let by: string | undefined;
    const started = performance.now();
    for (const file of [...first, ...plan.files.filter((one) => !first.includes(one))]) {
      const failed = await run(defines.get(file) as () => void, new Set(left[file]));
      await closeAll();
      if (failed === undefined) continue;
      by = `${file}: ${failed}`;
      break;
    }
    appendFileSync(plan.results, `${JSON.stringify({ id, by, ms: Math.round(performance.now() - started) })}\n`);
  }
});
