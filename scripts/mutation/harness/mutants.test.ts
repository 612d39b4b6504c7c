// Copied into the workspace of a mutation run beside the gathered test files; not part of the project's own tests.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { it } from "vitest";
import { OutOfTime, runFile } from "./collect.ts";
import { QUICK_MS, SLOW_MS, type Plan, type Rehearsed } from "./plan.ts";

const plan = JSON.parse(readFileSync(process.env["GAINSAY_PLAN"] as string, "utf8")) as Plan;
/** Milliseconds for a test without a mutant. */
const PATIENCE_MS = 600_000;
const rehearsing = plan.mutants.length === 0;
const reached = new Set<number>();
if (rehearsing) Object.assign(globalThis, { reached });

const { network } = await import("hardhat");
const open: { close(): Promise<void> }[] = [];
let miner = "";
const create = network.create.bind(network);
Object.assign(network, {
  create: async (...args: Parameters<typeof create>) => {
    const connection = await create(...args);
    open.push(connection);
    await connection.provider.request({ method: "hardhat_setCoinbase", params: [miner] });
    return connection;
  },
});
const closeAll = async (): Promise<void> => {
  for (const connection of open.splice(0)) await connection.close().catch(() => undefined);
};

const defines = new Map<string, () => void>();
for (const file of plan.files) defines.set(file, ((await import(`./${file}`)) as { define: () => void }).define);

it("mutants", { timeout: 36_000_000 }, async () => {
  if (rehearsing) return rehearse();
  const tests = plan.rehearsals.flatMap((file) => JSON.parse(readFileSync(file, "utf8")) as Rehearsed[]).filter(({ fails, ms }) => !fails && (plan.thorough || ms < SLOW_MS));
  const killers = new Map<string, number>();
  for (const mutant of plan.mutants) {
    const started = performance.now();
    const by = await attack(mutant, tests, killers);
    appendFileSync(plan.fates, `${JSON.stringify({ key: mutant.key, by, ms: Math.round(performance.now() - started) })}\n`);
  }
});

/** The first test that notices a mutant. Only those can that let it have a say. */
async function attack({ id, miner: mine, file: target }: Plan["mutants"][number], tests: readonly Rehearsed[], killers: Map<string, number>): Promise<string | undefined> {
  miner = mine;
  const chosen = tests.filter(({ reached: ids, before }) => ids.includes(id) || before.includes(id));
  const byFile = [...Map.groupBy(chosen, ({ file }) => file)].map(([file, some]) => {
    const independent = some.every((one) => one.independent);
    const run = independent ? some : tests.filter((one) => one.file === file);
    // What is reached only on the way to every test is noticed by few of them.
    const kills = killers.get(`${target} ${file}`) ?? 0;
    return { file, run: new Map(run.map((one) => [one.name, one])), direct: some.some(({ reached: ids }) => ids.includes(id)), kills, ms: run.reduce((sum, { ms }) => sum + ms, 0) };
  });
  byFile.sort((a, b) => Number(b.direct) - Number(a.direct) || b.kills - a.kills || a.ms - b.ms);
  let spent = 0;
  for (const { file, run, ms } of byFile) {
    if (!plan.thorough && spent > QUICK_MS) break;
    spent += ms;
    let by: string | undefined;
    const noticed = (name: string, failure: unknown): boolean => {
      if (failure !== undefined) by = `${file}: ${name}${failure instanceof OutOfTime ? " (out of time)" : ""}`;
      return failure !== undefined;
    };
    await runFile(defines.get(file) as () => void, { chosen: (name) => run.has(name), timeout: (name) => Math.max(20_000, 10 * (run.get(name)?.ms ?? 0)), setUp: noticed, done: noticed });
    await closeAll();
    if (by === undefined) continue;
    killers.set(`${target} ${file}`, (killers.get(`${target} ${file}`) ?? 0) + 1);
    return by;
  }
  return undefined;
}

/** What each test reaches, how long it takes, and whether it can be used, also without the others of its file. */
async function rehearse(): Promise<void> {
  miner = plan.recorder;
  const taken = (): number[] => {
    const ids = [...reached];
    reached.clear();
    return ids;
  };
  for (const [file, define] of defines) {
    const setups = new Map<string, number[]>();
    const mine: Rehearsed[] = [];
    const all = { chosen: () => true, timeout: () => PATIENCE_MS };
    await runFile(define, {
      ...all,
      setUp: (suite) => void setups.set(suite, taken()),
      done: (name, failure, ms) => void mine.push({ file, name, ms: Math.round(ms), fails: failure !== undefined, reached: taken(), before: [], independent: true }),
    });
    await closeAll();
    for (const test of mine) test.before = [...new Set([...setups].flatMap(([suite, ids]) => (suite === "" || test.name.startsWith(`${suite} > `) ? ids : [])))];
    const useful = new Set(mine.filter(({ fails }) => !fails).map(({ name }) => name));
    let independent = true;
    const dependent = (_: string, failure: unknown): void => void (independent &&= failure === undefined);
    await runFile(define, { ...all, chosen: (name) => useful.has(name), setUp: dependent, done: dependent }, true);
    await closeAll();
    taken();
    for (const test of mine) test.independent = independent;
    writeFileSync(plan.rehearsals[plan.files.indexOf(file)] as string, JSON.stringify(mine));
  }
}
