// `npm run adversaries`: every named adversary, crash and reorganisation against an honest executor and an honest watcher, as processes on
// a real node; prints what each spent. `--only <part of a name>` plays those, `--markdown` also writes docs/experiments/adversaries.md.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

const root = path.dirname(import.meta.dirname);
const { values } = parseArgs({ options: { only: { type: "string" }, markdown: { type: "boolean", default: false } } });
const page = path.join(root, "docs", "experiments", "adversaries.md");
const folder = mkdtempSync(path.join(tmpdir(), "gainsay-adversaries-"));
const report = path.join(folder, "report.md");

const env = { ...process.env, GAINSAY_ADVERSARIES: values.only ?? "all", GAINSAY_ADVERSARIES_REPORT: report };
const { status } = spawnSync(process.execPath, [path.join(root, "node_modules/vitest/vitest.mjs"), "run", "test/adversaries"], { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
const table = existsSync(report) ? readFileSync(report, "utf8") : "";
rmSync(folder, { recursive: true, force: true });
console.log(`\n${table}`);
if (values.markdown && status === 0) {
  // What stands above the table is written by hand.
  const [words] = readFileSync(page, "utf8").split(/^\| adversary /m);
  writeFileSync(page, `${words}${table}`);
}
process.exit(status ?? 1);
