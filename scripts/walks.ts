// `npm run test:walks`: many random walks over the contracts (test/contracts/invariants), some in a process at a
// time, since the simulated chain keeps every call of a test in memory until its end: 50 MB a walk of 200 steps.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { integer } from "../cli/parse.ts";
import { commandLine } from "./commandLine.ts";

/** Walks of one process, the last one apart, which has the rest as well: few walks need not try every kind of action both ways, which each process checks. */
const AT_ONCE = 50;

const root = path.dirname(import.meta.dirname);
const { walks, steps, seed } = commandLine("npm run test:walks --", "Takes random walks over the contracts and checks that no rule breaks; the seeds are those from --seed on, one a walk.")
  .option("--walks <n>", "walks", integer(AT_ONCE), 1500)
  .option("--steps <n>", "actions of a walk", integer(1), 200)
  .option("--seed <n>", "seed of the first walk", integer(0), 10_000)
  .parse()
  .opts<{ walks: number; steps: number; seed: number }>();

const totals = { accepted: 0, rejected: 0 };
for (let done = 0, count = 0; done < walks; done += count) {
  count = walks - done < 2 * AT_ONCE ? walks - done : AT_ONCE;
  const env = { ...process.env, GAINSAY_WALKS: String(count), GAINSAY_STEPS: String(steps), GAINSAY_SEED: String(seed + done), FORCE_COLOR: "0" };
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, "node_modules/hardhat/dist/src/cli.js"), "test", "solidity", "test/contracts/invariants/anyOrder.t.sol", "-vv"], { cwd: root, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 });
  const found = /actions accepted (\d+)\s+actions rejected (\d+)/.exec(stdout);
  if (status !== 0 || found === null) {
    process.stdout.write(stdout);
    process.stderr.write(`A walk from the seeds ${seed + done} to ${seed + done + count - 1} failed.\n`);
    process.exit(1);
  }
  totals.accepted += Number(found[1]);
  totals.rejected += Number(found[2]);
  process.stderr.write(`${done + count} of ${walks} walks\n`);
}
process.stdout.write(`${walks} walks of ${steps} steps from seed ${seed}: ${totals.accepted + totals.rejected} calls, ${totals.accepted} accepted, ${totals.rejected} rejected; no rule broke\n`);
