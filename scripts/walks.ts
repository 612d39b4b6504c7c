// `npm run test:walks [-- --walks 1500 --steps 200 --seed 10000]`: many random walks over the contracts (test/contracts/invariants), some in a process at a
// time, since the simulated chain keeps every call of a test in memory until its end: 50 MB a walk of 200 steps.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";

/** Walks of one process, the last one apart, which has the rest as well: few walks need not try every kind of action both ways, which each process checks. */
const AT_ONCE = 50;

const root = path.dirname(import.meta.dirname);
const { values } = parseArgs({ options: { walks: { type: "string", default: "1500" }, steps: { type: "string", default: "200" }, seed: { type: "string", default: "10000" } } });
const [walks, seed] = [Number(values.walks), Number(values.seed)];
if (!Number.isInteger(walks) || walks < AT_ONCE || !Number.isInteger(seed) || !/^[1-9]\d*$/.test(values.steps)) {
  process.stderr.write(`Give whole numbers: --walks from ${AT_ONCE}, --steps from 1, and --seed.\n`);
  process.exit(2);
}

const totals = { accepted: 0, rejected: 0 };
for (let done = 0, count = 0; done < walks; done += count) {
  count = walks - done < 2 * AT_ONCE ? walks - done : AT_ONCE;
  const env = { ...process.env, GAINSAY_WALKS: String(count), GAINSAY_STEPS: values.steps, GAINSAY_SEED: String(seed + done), FORCE_COLOR: "0" };
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
process.stdout.write(`${walks} walks of ${values.steps} steps from seed ${seed}: ${totals.accepted + totals.rejected} calls, ${totals.accepted} accepted, ${totals.rejected} rejected; no rule broke\n`);
