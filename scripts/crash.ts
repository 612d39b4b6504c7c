// `npm run crash`: kills executors and a watcher at random moments of a run with lies, withheld traces and a griefer, and checks that
// nothing is lost; `-- --help` lists the options.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openTheatre, sampleImage } from "../cli/commands/demo/theatre.ts";
import { integer } from "../cli/parse.ts";
import { silentLogger } from "../runtime/telemetry/createLogger.ts";
import { commandLine, exitOnSignals } from "./commandLine.ts";
import { createGriefer } from "./crash/createGriefer.ts";
import { createVictim, type Victim } from "./crash/createVictim.ts";
import { settle } from "./crash/settle.ts";

const options = commandLine("npm run crash --", "Kills executors and a watcher at random moments of a run with lies, and checks that nothing is lost.")
  .option("--kills <n>", "kills of a process", integer(0), 100)
  .option("--jobs <n>", "jobs that are submitted", integer(1), 24)
  .option("--seed <n>", "seed of everything that is random (default: another each time)", integer(0))
  .option("--blind", "let the watcher dispute nothing: the run must fail", false)
  .option("--keep", "keep the folder of the run", false)
  .option("--json", "print the result as one JSON document", false)
  .parse()
  .opts<{ kills: number; jobs: number; seed?: number; blind: boolean; keep: boolean; json: boolean }>();
exitOnSignals();
const { kills: wantedKills, jobs: jobCount, seed = Date.now() % 1e6 } = options;
let state = seed >>> 0;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const note = (text: string): void => void (options.json || process.stderr.write(`${text}\n`));
const started = Date.now();

const home = await mkdtemp(path.join(tmpdir(), "gainsay-crash-"));
const logs = path.join(home, "logs");
await mkdir(logs);
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
// A watcher that is killed every few seconds, and starts slowly on a busy machine, needs more than the minute that a demonstration gives each side.
const theatre = await openTheatre({ home, env, devnet: ["--dispute-clock", "3m"], logger: silentLogger(), onStep: note });
const { chain, stage } = theatre;
const failures: string[] = [];
const polling = ["--polling-interval-ms", "300", "--log-level", "info"];
const executor = (name: string, more: string[] = []) => createVictim(name, ["executor", "start", "--name", name, "--key", name, ...polling, ...more], stage.env, logs, (code) => failures.push(`${name} ended by itself with ${code}`));
await Promise.all((["executor-1", "executor-2"] as const).map((name) => theatre.as(name, ["stake", "deposit", "60"])));
const victims = [
  executor("executor-1", ["--claim-delay", "5"]),
  executor("executor-2", ["--misbehave", seed % 2 === 0 ? "answer" : "step=2/7,withhold"]),
  createVictim("watcher-1", ["watcher", "start", "--name", "watcher-1", "--key", "watcher-1", "--patience", "3", "--max-daily-spend", "1000", ...(options.blind ? ["--mode", "observe"] : []), ...polling], stage.env, logs, (code) => failures.push(`watcher-1 ended by itself with ${code}`)),
];
const before = await settle(chain, 0, theatre.accounts, 0);

const griefer = await createGriefer(chain);
const kills = (): number => victims.reduce((sum, victim) => sum + victim.kills, 0);
let submitted = 0;
const submitting = (async () => {
  // Long enough that a watcher which is killed every few seconds lives through a check in it.
  const terms = ["--fee", "0.01", "--collateral", "1", "--claim-window", "3600", "--delivery-window", "600", "--challenge-window", "180"];
  while (submitted < jobCount) {
    // Spread over the kills, so that none of them hits idle daemons.
    if (submitted >= 3 + (kills() * jobCount) / wantedKills) {
      await delay(200);
      continue;
    }
    await theatre.as("requester", ["job", "submit", theatre.programRoot, "--input", `image=${sampleImage(submitted % 10)}`, ...terms]);
    submitted++;
    if (griefer.count < 3 && submitted % 3 === 0) for (let id = 1n; id <= BigInt(submitted); id++) await griefer.grief(id, [theatre.accounts["executor-1"]]);
  }
})();
for (const victim of victims) victim.start();
while (kills() < wantedKills) {
  const victim = victims[Math.floor(random() * victims.length)] as Victim;
  // Some kills hit the start. The others wait until it is over, however long that takes on a busy machine, and hit the work after it.
  if (random() < 0.4) await delay(100 + random() * 900);
  else {
    await Promise.race([victim.ready(), delay(30_000)]);
    await delay(random() * 4_000);
  }
  await victim.kill();
  if (kills() % 10 === 0) note(`${kills()} kills, ${submitted} jobs submitted, ${Math.round((Date.now() - started) / 1000)} s`);
}
await submitting;
note(`${kills()} kills; waiting for what is open`);
const after = await settle(chain, submitted, theatre.accounts, 600_000);
const codes = await Promise.all(victims.map((victim) => victim.stop()));

const honest = after.accounts["executor-1"];
const cheat = after.accounts["executor-2"];
const lostBonds = after.accounts["watcher-1"]?.lostBonds ?? [];
const wrong = after.jobs.filter(({ executor: by }) => by?.toLowerCase() === theatre.accounts["executor-2"].toLowerCase()).map(({ id }) => id);
const check = (holds: boolean, what: string): void => void (holds || failures.push(what));
check(honest?.stake === before.accounts["executor-1"]?.stake && honest?.locked === 0n, `the honest executor's stake went from ${before.accounts["executor-1"]?.stake} to ${honest?.stake}, ${honest?.locked} of it locked`);
check(honest?.slashed === 0 && honest.missed === 0, `the honest executor was convicted ${honest?.slashed} times and missed ${honest?.missed} deliveries`);
check(after.doubleCommitments.length === 0, `double commitments: ${after.doubleCommitments.join(", ")}`);
check(after.stuckJobs.length === 0, `stuck jobs: ${after.stuckJobs.join(", ")}`);
check(after.openDisputes.length === 0, `open disputes: ${after.openDisputes.join(", ")}`);
check(wrong.length === 0, `jobs final with a false result: ${wrong.join(", ")}`);
check(lostBonds.length === 0, `the watcher lost the bonds of disputes ${lostBonds.join(", ")}`);
check(cheat?.committed === cheat?.slashed, `${cheat?.committed} lies were committed to, ${cheat?.slashed} convicted`);
check((cheat?.committed ?? 0) > 0, "nobody lied, so the run proves nothing");
check(codes.every((code) => code === 0), `exit codes at the orderly end: ${codes.join(", ")}`);

const report = { seed, seconds: Math.round((Date.now() - started) / 1000), kills: Object.fromEntries(victims.map((victim) => [victim.name, victim.kills])), duringStart: victims.reduce((sum, victim) => sum + victim.earlyKills, 0), startSeconds: Object.fromEntries(victims.map(({ name, starts }) => [name, spread(starts)])), jobs: submitted, disputes: after.disputes.length, griefed: griefer.count, outcomes: count(after.disputes.map(({ outcome }) => outcome)), lies: cheat?.committed ?? 0, convictions: cheat?.slashed ?? 0, failures };
if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
else {
  process.stdout.write(`${kills()} kills (${victims.map((victim) => `${victim.name} ${victim.kills}`).join(", ")}; ${report.duringStart} during a start), ${submitted} jobs, ${after.disputes.length} disputes (${griefer.count} by a griefer), ${report.convictions} of ${report.lies} lies convicted, ${report.seconds} s, seed ${seed}\n`);
  for (const [name, { median, longest }] of Object.entries(report.startSeconds)) process.stdout.write(`${name} was ready ${median} s after a start, at most ${longest} s\n`);
  process.stdout.write(failures.length === 0 ? "no stake lost, no double commitment, no job stuck\n" : `FAILED:\n${failures.map((line) => `  ${line}`).join("\n")}\n`);
}
await theatre.close();
if (options.keep || failures.length > 0) process.stderr.write(`logs: ${logs}\n`);
else await rm(home, { recursive: true, force: true });
process.exitCode = failures.length === 0 ? 0 : 1;

/** Median and longest, in seconds with one decimal. */
function spread(values: readonly number[]): { median: number; longest: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const rounded = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 10) / 10;
  return { median: rounded(sorted[Math.floor(sorted.length / 2)]), longest: rounded(sorted.at(-1)) };
}

function count(items: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}
