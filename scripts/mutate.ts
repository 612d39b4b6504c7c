// Mutation testing of the contracts that hold money: `node scripts/mutate.ts --count 12 --seed 1`.
// `--only Jobs` keeps to one file, `--list` only names the mutants, `--workspace <folder>` keeps the copy for the next run.
// Each mutant is one small change of one token or statement. It is built in a copy of the project and put before the contract
// tests; a mutant that no test notices survives, and is either a missing test or a change without a meaning.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const root = path.dirname(import.meta.dirname);
const targets = ["Stakes", "Models", "Jobs", "Disputes", "lib/ChessClock", "lib/NamedStep", "lib/TensorSize", "lib/Wei", "lib/WitnessCall", "lib/MerkleTree", "lib/ProgramLib"].map((name) => `contracts/${name}.sol`);
/** What the tests and the build of the contracts need. */
const copied = ["contracts", "test/contracts", "test/support", "runtime", "protocol", "hardhat.config.ts", "vitest.config.ts", "package.json", "tsconfig.json", "artifacts", "cache"];
/** In the order of what they cost. The scheduler plays the game on the chain move by move, the walk plays everything. */
const suites: [string, string[]][] = [
  ["vitest", ["run", "--bail=1", "--reporter=dot", "test/contracts", "--exclude=test/contracts/judge/**", "--exclude=test/contracts/abis.test.ts"]],
  ["hardhat", ["test", "solidity", "--no-compile"]],
];
const scripts = { vitest: "node_modules/vitest/vitest.mjs", hardhat: "node_modules/hardhat/dist/src/cli.js" } as const;

export interface Mutant {
  file: string;
  line: number;
  /** Half-open range of the text that is replaced. */
  start: number;
  end: number;
  replacement: string;
  kind: string;
}

const swaps: [RegExp, string, string][] = [
  [/(?<= )<=(?= )/g, "<", "comparison"],
  [/(?<= )<(?= )/g, "<=", "comparison"],
  [/(?<= )>=(?= )/g, ">", "comparison"],
  [/(?<= )>(?= )/g, ">=", "comparison"],
  [/(?<= )==(?= )/g, "!=", "comparison"],
  [/(?<= )!=(?= )/g, "==", "comparison"],
  [/(?<= )&&(?= )/g, "||", "connective"],
  [/(?<= )\|\|(?= )/g, "&&", "connective"],
  [/(?<= )\+(?= )/g, "-", "arithmetic"],
  [/(?<= )-(?= )/g, "+", "arithmetic"],
  [/(?<= )\*(?= )/g, "/", "arithmetic"],
  [/(?<= )\/(?= )/g, "*", "arithmetic"],
  [/(?<= )\+=(?= )/g, "-=", "arithmetic"],
  [/(?<= )-=(?= )/g, "+=", "arithmetic"],
  [/(?<=\w)\+\+(?=;)/g, "--", "arithmetic"],
  [/\btrue\b/g, "false", "constant"],
  [/\bfalse\b/g, "true", "constant"],
];

/** All mutants of one source: swapped tokens, requirements and conditions that always hold, and statements left out. */
export function mutantsOf(file: string, text: string): Mutant[] {
  // Comments, strings and declarations keep their length, so that places stay what they are.
  const blank = (part: string): string => part.replace(/[^\n]/g, " ");
  const code = text
    .replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, blank)
    .replace(/"[^"\n]*"/g, (part) => `"${blank(part.slice(2))}"`)
    .replace(/^(pragma|import|using)[^;]*;/gm, blank);
  const found: Mutant[] = [];
  const add = (start: number, end: number, replacement: string, kind: string): void => {
    found.push({ file, line: text.slice(0, start).split("\n").length, start, end, replacement, kind });
  };
  for (const [pattern, replacement, kind] of swaps) {
    for (const match of code.matchAll(pattern)) add(match.index, match.index + match[0].length, replacement, kind);
  }
  for (const match of code.matchAll(/\brequire\(/g)) {
    const start = match.index + match[0].length;
    add(start, endOfArgument(code, start), "true", "requirement");
  }
  for (const match of code.matchAll(/\bif \(/g)) {
    const start = match.index + match[0].length;
    const end = endOfArgument(code, start);
    add(start, end, `!(${text.slice(start, end)})`, "condition");
  }
  for (const match of code.matchAll(/^ +((?:emit )?[A-Za-z_][\w.[\]]*(?: [-+]?= [^;{}]*|\([^;{}]*\)|\+\+|--));$/gm)) {
    const start = match.index + match[0].indexOf(match[1] as string);
    if (!/^(require|revert|return)\b/.test(match[1] as string)) add(start, start + (match[1] as string).length + 1, "{}", "statement");
  }
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Where the argument that begins at `start` ends: at its comma, or at the closing parenthesis. */
function endOfArgument(code: string, start: number): number {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if ("([{".includes(code[i] as string)) depth++;
    if (depth === 0 && ",)".includes(code[i] as string)) return i;
    if (")]}".includes(code[i] as string)) depth--;
  }
  return code.length;
}

/** The first `count` of a shuffle that depends on the seed alone. */
function sample<T>(items: T[], count: number, seed: number): T[] {
  const pool = [...items];
  let state = seed >>> 0;
  for (let i = 0; i < Math.min(count, pool.length); i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = i + Math.floor((state / 2 ** 32) * (pool.length - i));
    [pool[i], pool[j]] = [pool[j] as T, pool[i] as T];
  }
  return pool.slice(0, count);
}

function main(): void {
  const { values } = parseArgs({
    options: { count: { type: "string", default: "12" }, seed: { type: "string", default: "1" }, only: { type: "string" }, workspace: { type: "string" }, list: { type: "boolean", default: false } },
  });
  const files = targets.filter((file) => values.only === undefined || file.includes(values.only));
  const all = files.flatMap((file) => mutantsOf(file, readFileSync(path.join(root, file), "utf8")));
  const chosen = sample(all, Number(values.count), Number(values.seed));
  console.log(`${chosen.length} of ${all.length} mutants, seed ${values.seed}`);
  if (values.list) return chosen.forEach((mutant) => console.log(describe(mutant)));

  // A workspace that is kept spares the next run the first build, which is most of the work of a short run.
  const copy = values.workspace ?? mkdtempSync(path.join(tmpdir(), "gainsay-mutants-"));
  const fresh = !existsSync(path.join(copy, "node_modules"));
  if (fresh) for (const item of copied) if (existsSync(path.join(root, item))) cpSync(path.join(root, item), path.join(copy, item), { recursive: true });
  if (fresh) symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  const run = (tool: keyof typeof scripts, args: string[]) => {
    // The walk stays on the seeds of `npm test`, whatever the caller's environment says.
    const { GAINSAY_WALKS: _walks, GAINSAY_STEPS: _steps, GAINSAY_SCHEDULER: _scheduler, ...env } = process.env;
    return spawnSync(process.execPath, [path.join(copy, scripts[tool]), ...args], { cwd: copy, encoding: "utf8", timeout: 1_800_000, env });
  };
  const counts = { killed: 0, survived: 0, stillborn: 0 };
  try {
    if (run("hardhat", ["build"]).status !== 0) throw new Error("The contracts do not build as they are.");
    for (const [tool, args] of suites) {
      const result = run(tool as keyof typeof scripts, args);
      if (result.status !== 0) throw new Error(`The tests fail without a mutant:\n${result.stdout}${result.stderr}`);
    }
    for (const mutant of chosen) {
      const original = readFileSync(path.join(copy, mutant.file), "utf8");
      writeFileSync(path.join(copy, mutant.file), original.slice(0, mutant.start) + mutant.replacement + original.slice(mutant.end));
      const fate = fateOf(run);
      writeFileSync(path.join(copy, mutant.file), original);
      counts[fate.end]++;
      console.log(`${fate.end}${fate.by === undefined ? "" : ` by ${fate.by}`}: ${describe(mutant)}`);
    }
  } finally {
    if (values.workspace === undefined) rmSync(copy, { recursive: true, force: true });
  }
  const judged = counts.killed + counts.survived;
  console.log(`${counts.killed} of ${judged} killed (${((100 * counts.killed) / judged).toFixed(0)} %); ${counts.stillborn} do not compile`);
}

function fateOf(run: (tool: keyof typeof scripts, args: string[]) => { status: number | null }): { end: "killed" | "survived" | "stillborn"; by?: string } {
  if (run("hardhat", ["build"]).status !== 0) return { end: "stillborn" };
  const by = suites.find(([tool, args]) => run(tool as keyof typeof scripts, args).status !== 0);
  return by === undefined ? { end: "survived" } : { end: "killed", by: by[0] };
}

function describe(mutant: Mutant): string {
  const text = readFileSync(path.join(root, mutant.file), "utf8");
  const before = text.slice(mutant.start, mutant.end).replace(/\s+/g, " ");
  return `${mutant.file}:${mutant.line} ${mutant.kind}: ${before} → ${mutant.replacement.replace(/\s+/g, " ")}`;
}

if (process.argv[1] === import.meta.filename) main();
