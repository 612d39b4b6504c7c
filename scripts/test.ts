// `npm test`: type check, dependency directions, unit and scenario tests (vitest), Solidity tests (hardhat), and one closing line.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };

if (filters.length === 0) {
  const types = run("node_modules/typescript/bin/tsc", ["--noEmit", "-p", "."]);
  count(types.status === 0 ? { passed: 1 } : { failed: 1 });
  console.log(`type check: ${types.status === 0 ? "passed" : "failed"}`);
  solidityTests();
}
vitest();

console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

function vitest(): void {
  const folder = mkdtempSync(path.join(tmpdir(), "gainsay-test-"));
  const report = path.join(folder, "vitest.json");
  const result = run("node_modules/vitest/vitest.mjs", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...filters]);
  if (existsSync(report)) {
    const summary = JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number };
    count({ passed: summary.numPassedTests, failed: summary.numFailedTests, skipped: summary.numPendingTests + summary.numTodoTests });
    // A file that fails to load, or an error outside a test, fails the run without a failed test.
    if (result.status !== 0 && summary.numFailedTests === 0) count({ failed: 1 });
  } else {
    count({ failed: 1 });
  }
  rmSync(folder, { recursive: true, force: true });
}

function solidityTests(): void {
  const folder = path.join(root, "test", "contracts");
  if (!existsSync(folder) || !readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith(".t.sol"))) return;
  const result = run("node_modules/hardhat/dist/src/cli.js", ["test", "solidity"], "pipe");
  process.stdout.write(result.stdout);
  const passing = Number(/(\d+) passing/.exec(result.stdout)?.[1] ?? 0);
  const failing = Number(/(\d+) failing/.exec(result.stdout)?.[1] ?? 0);
  count({ passed: passing, failed: result.status === 0 ? failing : Math.max(1, failing) });
}

function run(script: string, args: string[], stdout: "inherit" | "pipe" = "inherit") {
  return spawnSync(process.execPath, [path.join(root, script), ...args], { cwd: root, stdio: ["ignore", stdout, "inherit"], encoding: "utf8", env: { ...process.env, FORCE_COLOR: "0" } });
}

function count(add: Partial<typeof totals>): void {
  totals.passed += add.passed ?? 0;
  totals.failed += add.failed ?? 0;
  totals.skipped += add.skipped ?? 0;
}
