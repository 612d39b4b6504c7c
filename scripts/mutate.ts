// Mutation testing of the contracts that hold money: `node scripts/mutate.ts --count 150 --seed 1`; `--count all` tries every mutant.
// `--only Jobs` keeps to one file, `--list` only names the mutants, `--workspace <folder>` keeps the copy and its build for the next run,
// `--quick` leaves the Solidity tests out, `--markdown` writes docs/experiments/mutation.md.
// Every mutant is one small change. All of them are built into the contracts at once, each behind a switch (mutant schemata, Untch, Offutt
// and Harrold 1993), so that one build serves hundreds of mutants, and all are put before the same tests in one process.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "./mutation/findMutants.ts";
import { mutationReport, type Fate } from "./mutation/mutationReport.ts";
import { gatherTests, minerOf, prepareWorkspace } from "./mutation/prepareWorkspace.ts";

const root = path.dirname(import.meta.dirname);
const targets = ["Stakes", "Models", "JobBook", "Jobs", "DisputeBook", "Bisections", "Demands", "Disputes", "lib/Callback", "lib/ChessClock", "lib/JobRecord", "lib/NamedBlock", "lib/NamedStep", "lib/OutputOpening", "lib/TensorSize", "lib/Wei", "lib/WitnessCall", "lib/MerkleTree", "lib/ProgramLib"].map((name) => `contracts/${name}.sol`);
/** Tests that are most likely to notice a mutant of a file. */
const nearest: Record<string, string[]> = { Stakes: ["stakes"], Models: ["models"], JobBook: ["jobs", "noShows"], Jobs: ["jobs", "noShows"], Disputes: ["disputes"], DisputeBook: ["disputes"], Bisections: ["disputes.bisection", "disputes.expand"], Demands: ["disputes.demand", "disputes.expand"], "lib/NamedBlock": ["disputes.expand"], "lib/NamedStep": ["disputes.bisection", "disputes.demand"], "lib/MerkleTree": ["jobs", "disputes.bisection"], "lib/ChessClock": ["disputes"], "lib/TensorSize": ["disputes.bisection"] };
/** Not those of the judge, which these contracts only call. */
const solidityTests = ["disputes.lib", "merkleTree", "wei", "invariants/anyOrder"].map((name) => `test/contracts/${name}.t.sol`);
/** Mutants of one process: each leaves some chains behind. */
const BATCH = 25;

const { values } = parseArgs({
  options: { count: { type: "string", default: "150" }, seed: { type: "string", default: "1" }, only: { type: "string" }, workspace: { type: "string" }, list: { type: "boolean", default: false }, quick: { type: "boolean", default: false }, markdown: { type: "boolean", default: false } },
});

const copy = values.workspace ?? mkdtempSync(path.join(tmpdir(), "gainsay-mutants-"));
try {
  main();
} finally {
  if (values.workspace === undefined) rmSync(copy, { recursive: true, force: true });
}

function main(): void {
  const { mutants: all, refused } = prepareWorkspace(root, copy, targets);
  const pool = all.filter(({ file }) => values.only === undefined || file.includes(values.only));
  const chosen = values.count === "all" ? pool : sample(pool, Number(values.count), Number(values.seed));
  console.log(`${chosen.length} of ${all.length} mutants, seed ${values.seed}; the compiler refuses ${refused} more`);
  if (values.list) return chosen.forEach((mutant) => console.log(describe(mutant)));
  const tests = gatherTests(root, copy);
  if (node("node_modules/hardhat/dist/src/cli.js", ["build", "--quiet"]).status !== 0) throw new Error("The contracts do not build with mutants.");

  if (!values.quick && !passesSolidity(0)) throw new Error("The Solidity tests fail without a mutant.");
  const fates: Fate[] = [];
  const leftOut = path.join(copy, "leftOut.json");
  for (let i = 0; i < chosen.length; i += BATCH) {
    const batch = chosen.slice(i, i + BATCH);
    for (const { id, by } of tryMutants(batch, tests, leftOut)) {
      const mutant = all.find((one) => one.id === id) as Mutant;
      const killer = by ?? (values.quick ? undefined : (passesSolidity(id) ? undefined : "Solidity tests"));
      fates.push({ mutant, by: killer });
      console.log(`${killer === undefined ? "SURVIVED" : "killed"}: ${describe(mutant)}${killer === undefined ? "" : `  [${killer}]`}`);
    }
  }
  const report = mutationReport(fates, { total: all.length, seed: Number(values.seed) });
  console.log(`\n${report}`);
  if (values.markdown) {
    const page = path.join(root, "docs", "experiments", "mutation.md");
    const [words] = readFileSync(page, "utf8").split(/^## The run$/m);
    writeFileSync(page, `${words}## The run\n\n${report}`);
  }
}

interface Result {
  id: number;
  by?: string;
}

function tryMutants(batch: readonly Mutant[], files: readonly string[], leftOut: string): Result[] {
  const [planFile, results] = [path.join(copy, "plan.json"), path.join(copy, "results.jsonl")];
  rmSync(results, { force: true });
  const near = ({ file }: Mutant): string[] => (nearest[file.slice("contracts/".length, -".sol".length)] ?? []).map((name) => path.join("contracts", `${name}.gathered.ts`)).filter((name) => files.includes(name));
  writeFileSync(planFile, JSON.stringify({ files, leftOut, results, mutants: batch.map((mutant) => ({ id: mutant.id, miner: minerOf(mutant.id), first: near(mutant) })) }));
  const { status, stdout, stderr } = node("node_modules/vitest/vitest.mjs", ["run", "test/mutants.test.ts"], { GAINSAY_PLAN: planFile, GAINSAY_SCHEDULER: "2" });
  if (status !== 0 || !existsSync(results)) throw new Error(`The mutants could not be tried:\n${stdout}${stderr}`);
  return readFileSync(results, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Result);
}

/** Whether the random walk and the other Solidity tests pass with this mutant on; 0 is none. */
function passesSolidity(id: number): boolean {
  return node("node_modules/hardhat/dist/src/cli.js", ["test", "solidity", "--no-compile", ...solidityTests], { GAINSAY_MINER: minerOf(id) }).status === 0;
}

function node(script: string, args: string[], more: NodeJS.ProcessEnv = {}) {
  // What is left to a test run's environment is not left to the caller's.
  const { GAINSAY_WALKS: _walks, GAINSAY_STEPS: _steps, GAINSAY_SCHEDULER: _scheduler, ...env } = process.env;
  return spawnSync(process.execPath, [path.join(copy, script), ...args], { cwd: copy, encoding: "utf8", timeout: 7_200_000, maxBuffer: 2 ** 26, env: { ...env, ...more } });
}

/** The first `count` of a shuffle that depends on the seed alone. */
function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  const pool = [...items];
  let state = seed >>> 0;
  for (let i = 0; i < Math.min(count, pool.length); i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = i + Math.floor((state / 2 ** 32) * (pool.length - i));
    [pool[i], pool[j]] = [pool[j] as T, pool[i] as T];
  }
  return pool.slice(0, count);
}

function describe({ id, file, line, kind, before, after }: Mutant): string {
  const short = (text: string): string => text.replace(/\s+/g, " ").slice(0, 90);
  return `#${id} ${file}:${line} ${kind}: ${short(before)} → ${after === "" ? "nothing" : short(after)}`;
}
