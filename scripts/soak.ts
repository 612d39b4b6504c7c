// `npm run soak`: a development chain, three executors (one lies), three watchers (one has other floats than the executors, one disputes honest results and serves
// junk), hundreds of jobs; daemons leave and come back, and links are cut where this machine has network namespaces. At the end every job is final with an
// honest result, every lie is convicted, no honest stake or bond is lost, memory and handles are flat; `-- --help` lists the options.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseEther, type Address } from "viem";
import { openTheatre, sampleImage } from "../cli/commands/demo/theatre.ts";
import { integer } from "../cli/parse.ts";
import type { Hex } from "../protocol/hex.ts";
import { readBundle } from "../runtime/bundle/readBundle.ts";
import { submitJob } from "../runtime/chain/calls/submitJob.ts";
import { readInput } from "../runtime/inputs/readInput.ts";
import { inputRootOf } from "../runtime/programs/splitInput.ts";
import { silentLogger } from "../runtime/telemetry/createLogger.ts";
import { commandLine, exitOnSignals } from "./commandLine.ts";
import { fundedSender } from "./crash/createGriefer.ts";
import { createVictim, type Victim } from "./crash/createVictim.ts";
import { settle } from "./crash/settle.ts";
import { createBacklog } from "./soak/createBacklog.ts";
import { createLinks } from "./soak/createLinks.ts";
import { readLatencies } from "./soak/latencies.ts";
import { makeTrouble } from "./soak/makeTrouble.ts";
import { fifthsOf, measureProcess, type Sample } from "./soak/measureProcess.ts";
import { soakLines, type SoakReport } from "./soak/soakLines.ts";

/** Jobs that may wait for an executor or a watcher at any time. */
const MAX_BACKLOG = 20;

const options = commandLine("npm run soak --", "Runs hundreds of jobs through a network whose daemons leave and come back, and checks that nothing is lost.")
  .option("--jobs <n>", "jobs that are submitted", integer(1), 200)
  .option("--minutes <n>", "minutes in which jobs are submitted, at most", integer(1), 12)
  .option("--seed <n>", "seed of everything that is random (default: another each time)", integer(0))
  .option("--blind", "let the honest watchers dispute nothing: the run must fail", false)
  .option("--keep", "keep the folder of the run", false)
  .option("--json", "print the result as one JSON document", false)
  .parse()
  .opts<{ jobs: number; minutes: number; seed?: number; blind: boolean; keep: boolean; json: boolean }>();
exitOnSignals();
const { jobs: jobCount, minutes, seed = Date.now() % 1e6 } = options;
let state = seed >>> 0;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const started = Date.now();
const note = (text: string): void => void (options.json || process.stderr.write(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${text}\n`));
const end = started + minutes * 60_000;

const home = await mkdtemp(path.join(tmpdir(), "gainsay-soak-"));
const logs = path.join(home, "logs");
await mkdir(logs);
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
// Windows and clocks that a watcher keeps on a machine that is busy with other work, too.
const theatre = await openTheatre({ home, env, devnet: ["--dispute-clock", "3m"], logger: silentLogger(), onStep: note });
const { chain, stage, programRoot } = theatre;
const accounts: Record<string, Address> = { ...theatre.accounts };
await Promise.all(
  ["executor-3", "watcher-2", "watcher-3"].map(async (name) => {
    accounts[name] = String((await stage.run(["keys", "new", name]))["address"]) as Address;
    await chain.client.request({ method: "hardhat_setBalance" as never, params: [accounts[name], "0x3635c9adc5dea00000"] as never });
  }),
);
await Promise.all(["executor-1", "executor-2", "executor-3"].map((name) => stage.run(["stake", "deposit", "90", "--key", name])));

const names = ["executor-1", "executor-2", "executor-3", "watcher-1", "watcher-2", "watcher-3"];
const links = await createLinks(names, String(stage.env["GAINSAY_RPC_URL"]));
note(links.real ? "each daemon has a network of its own" : `no links are cut: ${links.reason}`);
const failures: string[] = [];
const daemon = (name: string, more: string[], entry?: string): Victim => {
  const address = links.address(name);
  const listen = address === undefined ? [] : ["--listen", address];
  const words = entry === undefined ? [name.split("-", 1)[0] as string] : [];
  const args = [...words, "start", "--name", name, "--key", name, "--polling-interval-ms", "500", "--log-level", "info", ...listen, ...more];
  return createVictim(name, args, { ...stage.env, GAINSAY_RPC_URL: links.rpcUrl }, logs, (code) => failures.push(`${name} ended by itself with ${code}`), { prefix: links.prefix(name), ...(entry === undefined ? {} : { entry }) });
};
const watching = ["--max-daily-spend", "1000", "--mode", options.blind ? "observe" : "dispute"];
const honest = ["executor-1", "executor-3"].map((name) => accounts[name] as Address);
const daemons = [
  daemon("executor-1", ["--claim-delay", "1"]),
  daemon("executor-2", ["--misbehave", "answer"]),
  daemon("executor-3", ["--claim-delay", "1"]),
  daemon("watcher-1", ["--patience", "5", ...watching]),
  // It must have every trace, so it waits for the executors that are cut off or away.
  daemon("watcher-2", ["--patience", "30", "--optimization", "disabled", "--on-withheld", "demand", ...watching]),
  daemon("watcher-3", honest.flatMap((account) => ["--against", account]), fileURLToPath(new URL("soak/dishonestWatcher.ts", import.meta.url))),
];
const before = await settle(chain, 0, accounts, 0);

const requester = await fundedSender(chain);
const { program } = await readBundle(path.join(home, "bundles", programRoot));
const inputs = await Promise.all(Array.from({ length: 10 }, async (_, digit) => (await readInput(program.inputs[0] as (typeof program.inputs)[number], sampleImage(digit))).bytes));

for (const each of daemons) {
  // They find each other through the addresses that earlier ones left.
  each.start();
  await each.ready();
}
note("all daemons are up");
const samples = new Map<string, Sample[]>();
const sampling = setInterval(() => {
  for (const { name, pid } of daemons) {
    const sample = pid === undefined ? undefined : measureProcess(pid, Date.now() - started);
    const key = `${name} (${pid})`;
    if (sample !== undefined) samples.set(key, [...(samples.get(key) ?? []), sample]);
  }
}, 2_000);

const trouble = makeTrouble({ daemons, leaving: ["executor-2", "executor-3", "watcher-2", "watcher-3"], links, random, note });
const backlog = createBacklog(chain, accounts["executor-2"] as Address);
let [submitted, held] = [0, 0];
while (submitted < jobCount && Date.now() < end) {
  // No more than the machine can do: what waits behind a window that runs would measure the window.
  if ((await backlog.read(submitted).catch(() => MAX_BACKLOG)) >= MAX_BACKLOG) {
    held++;
    await delay(1_000);
    continue;
  }
  const input = inputs[submitted % 10] as Uint8Array;
  await submitJob(requester, { programRoot: programRoot as Hex, inputRoot: inputRootOf([input]), fee: parseEther("0.01"), collateral: parseEther("1"), claimWindow: 3_600, deliveryWindow: 600, challengeWindow: 180, input });
  if (++submitted % 20 === 0) note(`${submitted} jobs submitted`);
  await delay(500);
}
await trouble.stop();
note(`${submitted} jobs submitted, ${held} times held back for a second; waiting for them`);
const after = await settle(chain, submitted, accounts, 600_000);
clearInterval(sampling);
const { latencies, seconds, final } = await readLatencies(chain);
const codes = await Promise.all(daemons.map((each) => each.stop()));

const check = (holds: boolean, what: string): void => void (holds || failures.push(what));
const standing = (name: string) => after.accounts[name] as (typeof after.accounts)[string];
for (const name of ["executor-1", "executor-3"]) {
  const [then, now] = [before.accounts[name], standing(name)];
  check(now.stake === then?.stake && now.locked === 0n && now.slashed === 0 && now.missed === 0, `${name}: stake ${then?.stake} became ${now.stake}, ${now.slashed} convictions, ${now.missed} missed`);
}
const liar = standing("executor-2");
const falseResults = after.jobs.filter(({ executor }) => executor?.toLowerCase() === accounts["executor-2"]?.toLowerCase()).map(({ id }) => id);
const griefed = after.disputes.filter(({ challenger }) => challenger.toLowerCase() === accounts["watcher-3"]?.toLowerCase());
check(after.stuckJobs.length === 0, `not final: ${after.stuckJobs.join(", ")}`);
check(after.openDisputes.length === 0, `open disputes: ${after.openDisputes.join(", ")}`);
check(after.doubleCommitments.length === 0, `double commitments: ${after.doubleCommitments.join(", ")}`);
check(falseResults.length === 0, `final with a false result: ${falseResults.join(", ")}`);
check(liar.committed === liar.slashed, `${liar.committed} lies were committed to, ${liar.slashed} convicted`);
check(liar.committed > 0, "nobody lied, so the run proves nothing");
for (const name of ["watcher-1", "watcher-2"]) check(standing(name).lostBonds.length === 0, `${name} lost the bonds of disputes ${standing(name).lostBonds.join(", ")}`);
check(griefed.length > 0 && griefed.every(({ outcome }) => outcome === "defenderWon"), `the dishonest watcher's disputes: ${griefed.map(({ id, outcome }) => `${id} ${outcome}`).join(", ") || "none"}`);
check(codes.every((code) => code === 0), `exit codes at the orderly end: ${codes.join(", ")}`);
const lives = [...samples].flatMap(([name, taken]) => {
  const fifths = fifthsOf(taken);
  return fifths === undefined ? [] : [{ name, seconds: taken.length * 2, fifths }];
});
for (const { name, fifths } of lives) {
  const [, early, , , late] = fifths as [Sample, Sample, Sample, Sample, Sample];
  check(late.rssBytes < 1.3 * early.rssBytes + 60e6, `${name}: memory grew from ${Math.round(early.rssBytes / 1e6)} to ${Math.round(late.rssBytes / 1e6)} MB`);
  check(late.handles <= early.handles + 30, `${name}: handles grew from ${early.handles} to ${late.handles}`);
}
check(lives.some(({ name }) => name.startsWith("executor-1")) && lives.some(({ name }) => name.startsWith("watcher-1")), "the processes that stay were not measured");

const report: SoakReport = { seed, links: links.real, seconds: Math.round((Date.now() - started) / 1000), chainSeconds: seconds, jobs: submitted, final, jobsPerMinute: Math.round((final / Math.max(1, seconds)) * 600) / 10, restarts: trouble.restarts, cuts: trouble.cuts, griefed: griefed.length, lies: liar.committed, convictions: liar.slashed, latencies, lives, failures };
process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : `${soakLines(report).join("\n")}\n`);
await theatre.close();
await links.close();
if (options.keep || failures.length > 0) process.stderr.write(`logs: ${logs}\n`);
else await rm(home, { recursive: true, force: true });
process.exitCode = failures.length === 0 ? 0 : 1;
