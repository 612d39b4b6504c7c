// Mutation testing of the contracts: `node scripts/mutate.ts --workspace /tmp/mutants` tries every mutant of what holds money, `--suite judge`
// those of the judge; `--help` lists the options. The workspace keeps the copy, its build, the rehearsal and all fates: a run goes on where the last one stopped.
// Every mutant is one small change. All of them are built into the contracts at once, each behind a switch (mutant schemata, Untch, Offutt
// and Harrold 1993), so that one build serves hundreds of mutants, and each is put before those tests alone that let it have a say.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Option } from "commander";
import { integer } from "../cli/parse.ts";
import { commandLine, list } from "./commandLine.ts";
import { explanationOf } from "./mutation/explained.ts";
import type { Mutant } from "./mutation/findMutants.ts";
import { keyOf, openFates } from "./mutation/openFates.ts";
import { mutationReport } from "./mutation/mutationReport.ts";
import { prepareWorkspace } from "./mutation/prepareWorkspace.ts";
import { sample } from "./mutation/sample.ts";
import { suites } from "./mutation/suites.ts";
import { createTrials } from "./mutation/createTrials.ts";

const root = path.dirname(import.meta.dirname);
const options = commandLine("npm run mutate --", "Changes one thing at a time in the contracts, and tells which changes no test notices.")
  .addOption(new Option("--suite <name>", "which contracts").choices(Object.keys(suites)).default("ledger"))
  .option("--workspace <folder>", "folder of the copy, its build and all fates (default: one that is removed at the end)")
  .option("--only <parts>", "mutants of the files whose paths have one of these parts, separated by commas", (text) => list(text))
  .option("--count <n>", "a sample of so many mutants (default: all)", integer(1))
  .option("--seed <n>", "seed of the sample", integer(0), 1)
  .option("--processes <n>", "processes that run tests at a time", integer(1, 64), 1)
  .option("--quick", "stop after some seconds of tests, and leave those in Solidity out", false)
  .option("--again", "try survivors that nobody has explained once more", false)
  .option("--list", "name the mutants, and do nothing else", false)
  .option("--report", "tell what is known, and do nothing else", false)
  .parse()
  .opts<{ suite: keyof typeof suites; workspace?: string; only?: string[]; count?: number; seed: number; processes: number; quick: boolean; again: boolean; list: boolean; report: boolean }>();

const folder = options.workspace ?? mkdtempSync(path.join(tmpdir(), "gainsay-mutants-"));
try {
  await main();
} finally {
  if (options.workspace === undefined) rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const suite = suites[options.suite];
  const { only, count } = options;
  const tooDeep = path.join(folder, "tooDeep.json");
  const scopeOf = ({ file, scope }: Mutant): string => `${file}:${scope}`;
  const prepare = () => prepareWorkspace(root, folder, suite.targets, (all) => {
    const pool = all.filter(({ file }) => only?.some((part) => file.includes(part)) ?? true);
    const left = new Set(existsSync(tooDeep) ? (JSON.parse(readFileSync(tooDeep, "utf8")) as string[]) : []);
    return (count === undefined ? pool : sample(pool, count, options.seed)).filter((mutant) => !left.has(scopeOf(mutant)));
  });
  const trials = createTrials({ root, folder, suite, processes: options.processes, fates: path.join(folder, "fates.jsonl") });
  let { mutants: chosen, found, refused } = prepare();
  if (!options.list && !options.report) {
    for (let named = await trials.build(); named.length > 0; named = await trials.build()) {
      const scopes = chosen.filter(({ id }) => named.includes(id)).map(scopeOf);
      console.log(`left out, since the compiler's stack is too small for it with its mutants: ${scopes.join(", ")}`);
      writeFileSync(tooDeep, JSON.stringify([...(existsSync(tooDeep) ? (JSON.parse(readFileSync(tooDeep, "utf8")) as string[]) : []), ...scopes]));
      ({ mutants: chosen, found, refused } = prepare());
    }
  }
  const keys = new Map(chosen.map((mutant) => [mutant.id, keyOf(root, mutant)]));
  const keyed = (some: readonly Mutant[]) => some.map((mutant) => ({ ...mutant, key: keys.get(mutant.id) as string }));
  const fates = openFates(path.join(folder, "fates.jsonl"));
  const fateOf = (mutant: Mutant) => fates.get(keys.get(mutant.id) as string);
  console.log(`${chosen.length} of ${found} mutants${count === undefined ? "" : `, seed ${options.seed}`}; the compiler refuses ${refused} more`);
  if (options.list) return chosen.forEach((mutant) => console.log(describe(mutant)));

  if (!options.report) {
    await trials.rehearse();
    const untried = chosen.filter((mutant) => fateOf(mutant) === undefined || (options.again && fateOf(mutant)?.by === undefined && explanationOf(mutant) === undefined));
    await trials.scenarios(keyed(untried), false, tell);
    const alive = () => keyed(chosen.filter((mutant) => fateOf(mutant)?.by === undefined && (options.again || fateOf(mutant)?.thorough !== true) && explanationOf(mutant) === undefined));
    if (!options.quick) {
      const { single, walks } = suite.solidity;
      await trials.solidity(single, alive(), walks === undefined, tell);
      if (!suite.stateless) await trials.scenarios(alive(), true, tell);
      if (walks !== undefined) await trials.solidity(walks, alive(), true, tell);
    }
  }
  console.log(mutationReport(chosen.flatMap((mutant) => {
    const fate = fateOf(mutant);
    return fate === undefined ? [] : [{ mutant, ...fate }];
  }), found));

  function tell(mutant: Mutant): void {
    const by = fateOf(mutant)?.by;
    console.log(`${by === undefined ? "lives" : "killed"}: ${describe(mutant)}${by === undefined ? "" : `  [${by}]`}`);
  }
}

function describe({ id, file, line, kind, before, after }: Mutant): string {
  const short = (text: string): string => text.replace(/\s+/g, " ").slice(0, 90);
  return `#${id} ${file}:${line} ${kind}: ${short(before)} → ${after === "" ? "nothing" : short(after)}`;
}
