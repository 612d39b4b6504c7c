// Mutation testing of the contracts: `node scripts/mutate.ts --workspace /tmp/mutants` tries every mutant of what holds money, `--suite judge`
// those of the judge. `--count 150 --seed 1` takes a sample, `--only Jobs,lib/Wei` some files, `--list` only names the mutants.
// The workspace keeps the copy, its build, the rehearsal and all fates: a run goes on where the last one stopped, `--report` tells what is
// known, `--again` tries survivors that nobody has explained once more, `--quick` stops after some seconds of tests and leaves those in Solidity out, `--processes 2` takes two.
// Every mutant is one small change. All of them are built into the contracts at once, each behind a switch (mutant schemata, Untch, Offutt
// and Harrold 1993), so that one build serves hundreds of mutants, and each is put before those tests alone that let it have a say.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { GainsayError } from "../protocol/errors.ts";
import { explanationOf } from "./mutation/explained.ts";
import type { Mutant } from "./mutation/findMutants.ts";
import { keyOf, openFates } from "./mutation/openFates.ts";
import { mutationReport } from "./mutation/mutationReport.ts";
import { prepareWorkspace } from "./mutation/prepareWorkspace.ts";
import { sample } from "./mutation/sample.ts";
import { suites } from "./mutation/suites.ts";
import { createTrials } from "./mutation/createTrials.ts";

const root = path.dirname(import.meta.dirname);
const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "ledger" },
    count: { type: "string", default: "all" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    workspace: { type: "string" },
    processes: { type: "string", default: "1" },
    list: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});

const folder = values.workspace ?? mkdtempSync(path.join(tmpdir(), "gainsay-mutants-"));
try {
  await main();
} finally {
  if (values.workspace === undefined) rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const suite = Object.entries(suites).find(([name]) => name === values.suite)?.[1];
  if (suite === undefined) throw new GainsayError("There is no such suite of contracts.", { code: "MUTATION_FAILED", kind: "usage", details: { suite: values.suite } });
  const only = values.only?.split(",");
  const tooDeep = path.join(folder, "tooDeep.json");
  const scopeOf = ({ file, scope }: Mutant): string => `${file}:${scope}`;
  const prepare = () => prepareWorkspace(root, folder, suite.targets, (all) => {
    const pool = all.filter(({ file }) => only?.some((part) => file.includes(part)) ?? true);
    const left = new Set(existsSync(tooDeep) ? (JSON.parse(readFileSync(tooDeep, "utf8")) as string[]) : []);
    return (values.count === "all" ? pool : sample(pool, Number(values.count), Number(values.seed))).filter((mutant) => !left.has(scopeOf(mutant)));
  });
  const trials = createTrials({ root, folder, suite, processes: Number(values.processes), fates: path.join(folder, "fates.jsonl") });
  let { mutants: chosen, found, refused } = prepare();
  if (!values.list && !values.report) {
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
  console.log(`${chosen.length} of ${found} mutants${values.count === "all" ? "" : `, seed ${values.seed}`}; the compiler refuses ${refused} more`);
  if (values.list) return chosen.forEach((mutant) => console.log(describe(mutant)));

  if (!values.report) {
    await trials.rehearse();
    const untried = chosen.filter((mutant) => fateOf(mutant) === undefined || (values.again && fateOf(mutant)?.by === undefined && explanationOf(mutant) === undefined));
    await trials.scenarios(keyed(untried), false, tell);
    const alive = () => keyed(chosen.filter((mutant) => fateOf(mutant)?.by === undefined && (values.again || fateOf(mutant)?.thorough !== true) && explanationOf(mutant) === undefined));
    if (!values.quick) {
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
