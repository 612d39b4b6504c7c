// `npm run adversaries`: every named adversary, crash and reorganisation against an honest executor and an honest watcher, as processes on
// a real node; prints what each spent.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { commandLine } from "./commandLine.ts";

const root = path.dirname(import.meta.dirname);
const options = commandLine("npm run adversaries --", "Plays adversaries, crashes and reorganisations against an honest executor and an honest watcher, and prints what each spent.")
  .option("--only <text>", "play those that have this in their names", "all")
  .option("--markdown", "also write the table of docs/experiments/adversaries.md", false)
  .parse()
  .opts<{ only: string; markdown: boolean }>();
const page = path.join(root, "docs", "experiments", "adversaries.md");
const folder = mkdtempSync(path.join(tmpdir(), "gainsay-adversaries-"));
const report = path.join(folder, "report.md");

const env = { ...process.env, GAINSAY_ADVERSARIES: options.only, GAINSAY_ADVERSARIES_REPORT: report };
const { status } = spawnSync(process.execPath, [path.join(root, "node_modules/vitest/vitest.mjs"), "run", "test/adversaries"], { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
const table = existsSync(report) ? readFileSync(report, "utf8") : "";
rmSync(folder, { recursive: true, force: true });
console.log(`\n${table}`);
if (options.markdown && status === 0) {
  // What stands above the table is written by hand.
  const [words] = readFileSync(page, "utf8").split(/^\| adversary /m);
  writeFileSync(page, `${words}${table}`);
}
process.exit(status ?? 1);
