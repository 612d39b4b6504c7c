import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Mutant } from "./findMutants.ts";
import type { Plan } from "./harness/plan.ts";
import { openFates } from "./openFates.ts";
import { gatherTests, minerOf, recorder } from "./prepareWorkspace.ts";
import type { Suite } from "./suites.ts";

export interface TrialOptions {
  root: string;
  /** The workspace, and the file of fates in it. */
  folder: string;
  fates: string;
  suite: Suite;
  /** How many processes at a time. */
  processes: number;
}

type Tried = Mutant & { key: string };

/** Mutants that one process tries before the next one takes over: each leaves some chains behind. */
const BATCH = 40;

/** Builds the workspace, and puts mutants before its tests. */
export function createTrials({ root, folder, fates: fateFile, suite, processes }: TrialOptions) {
  const fates = openFates(fateFile);
  let files: string[] = [];
  let rehearsals: string[] = [];

  /** Builds the workspace; returns the mutants that the compiler names where its stack is too small for a function with all of them. */
  async function build(): Promise<number[]> {
    files = gatherTests(root, folder, suite);
    const { status, output } = await node("node_modules/hardhat/dist/src/cli.js", ["build", "--quiet"]);
    if (status === 0) return [];
    const named = /too deep|Stack too deep/i.test(output) ? [...output.matchAll(/mutantIsOn\((\d+)\)/g)].map((match) => Number(match[1])) : [];
    if (named.length === 0) throw failed("The contracts do not build with mutants.", { output });
    return named;
  }

  /** Learns what each test does without a mutant, where it is not known yet. */
  async function rehearse(): Promise<void> {
    mkdirSync(path.join(folder, "rehearsals"), { recursive: true });
    const around = digestOf(["contracts", "test/contracts", "runtime/chain", "protocol"].flatMap((item) => filesIn(item)).filter((file) => !/\.(test|gathered)\.ts$|\.t\.sol$|\/invariants\//.test(file)));
    rehearsals = files.map((file) => path.join(folder, "rehearsals", `${path.basename(file)}-${around}-${digestOf([path.join("test", file)])}.json`));
    const missing = rehearsals.flatMap((file, i) => (existsSync(file) ? [] : [i]));
    await Promise.all(split(missing, processes).map((some, i) => runPlan(`rehearsal-${i}`, some, [])));
    const unusable = rehearsals.filter((file) => !existsSync(file));
    if (unusable.length > 0) throw failed("Tests could not be rehearsed without a mutant.", { unusable });
  }

  /** Tries mutants with the scenario tests, all of them or the quick ones, and tells of each. */
  async function scenarios(mutants: readonly Tried[], thorough: boolean, tell: (mutant: Mutant) => void): Promise<void> {
    const batches = Array.from({ length: Math.ceil(mutants.length / BATCH) }, (_, i) => mutants.slice(i * BATCH, (i + 1) * BATCH));
    await inParallel(batches, processes, async (batch, worker) => {
      await runPlan(`plan-${worker}`, files.map((_, i) => i), batch, thorough);
      batch.forEach(tell);
    });
  }

  /** Tries mutants with a group of the Solidity tests, one process each. What lives is put down as tried by all, if this is the last. */
  async function solidity(group: readonly string[], mutants: readonly Tried[], isLast: boolean, tell: (mutant: Mutant) => void): Promise<void> {
    if (mutants.length > 0 && !(await passes(group, 0))) throw failed("The Solidity tests fail without a mutant.", { group });
    await inParallel(mutants, processes, async (mutant) => {
      const started = performance.now();
      const passed = await passes(group, mutant.id);
      fates.add({ key: mutant.key, ...(passed ? {} : { by: group.join(", ") }), ...(isLast ? { thorough: true } : {}), ms: Math.round(performance.now() - started) });
      tell(mutant);
    });
  }

  async function passes(group: readonly string[], id: number): Promise<boolean> {
    return (await node("node_modules/hardhat/dist/src/cli.js", ["test", "solidity", "--no-compile", ...group], { GAINSAY_MINER: minerOf(id) })).status === 0;
  }

  async function runPlan(name: string, which: readonly number[], mutants: readonly Tried[], thorough = false): Promise<void> {
    if (which.length === 0) return;
    const file = path.join(folder, `${name}.json`);
    const of = (list: readonly string[]): string[] => which.map((i) => list[i] as string);
    const plan: Plan = { files: of(files), rehearsals: of(rehearsals), thorough, fates: fateFile, recorder, mutants: mutants.map(({ id, key, file: target }) => ({ id, key, file: target, miner: minerOf(id) })) };
    writeFileSync(file, JSON.stringify(plan));
    const { status, output } = await node("node_modules/vitest/vitest.mjs", ["run", suite.stateless ? "test/replay.test.ts" : "test/mutants.test.ts"], { GAINSAY_PLAN: file, GAINSAY_SCHEDULER: "2" });
    if (status !== 0) throw failed(mutants.length === 0 ? "Tests could not be rehearsed without a mutant." : "Mutants could not be tried.", { output });
  }

  function node(script: string, args: string[], more: NodeJS.ProcessEnv = {}): Promise<{ status: number | null; output: string }> {
    // What is left to a test run's environment is not left to the caller's, but for how deep the judge is asked.
    const { GAINSAY_WALKS: _walks, GAINSAY_STEPS: _steps, GAINSAY_SCHEDULER: _scheduler, ...env } = process.env;
    const child = spawn(process.execPath, ["--max-old-space-size=6000", path.join(folder, script), ...args], { cwd: folder, env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number | null; output: string }>();
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-100_000)));
    child.on("error", reject).on("close", (status) => resolve({ status, output }));
    return promise;
  }

  function filesIn(item: string): string[] {
    return readdirSync(path.join(folder, item), { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map((one) => path.relative(folder, path.join(one.parentPath, one.name))).sort();
  }

  function digestOf(names: readonly string[]): string {
    const hash = createHash("sha256");
    for (const name of names) hash.update(`${name}\n`).update(readFileSync(path.join(folder, name)));
    return hash.digest("hex").slice(0, 12);
  }

  return { build, rehearse, scenarios, solidity };
}

function failed(message: string, details: Record<string, unknown> = {}): GainsayError {
  return new GainsayError(message, { code: "MUTATION_FAILED", details });
}

/** Deals items out to so many hands. */
function split<T>(items: readonly T[], hands: number): T[][] {
  return Array.from({ length: hands }, (_, hand) => items.filter((__, i) => i % hands === hand));
}

async function inParallel<T>(items: readonly T[], workers: number, work: (item: T, worker: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: workers }, async (_, worker) => {
    while (next < items.length) await work(items[next++] as T, worker);
  }));
}
