// `npm run soak`: a development chain, three executors (one lies), three watchers (one griefs), hundreds of jobs; daemons leave and
// come back, and links are cut where this machine has network namespaces. At the end every job is final with an honest result, every
// lie is convicted, memory and handles are flat. `--jobs N` (default 200), `--minutes N` at most (default 30), `--seed N`, `--json`, `--keep`.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { parseEther, type Address } from "viem";
import { openTheatre, sampleImage } from "../cli/commands/demo/theatre.ts";
import { table } from "../cli/output.ts";
import type { Hex } from "../protocol/hex.ts";
import { readBundle } from "../runtime/bundle/readBundle.ts";
import { submitJob } from "../runtime/chain/calls/submitJob.ts";
import { readInput } from "../runtime/inputs/readInput.ts";
import { inputRootOf } from "../runtime/programs/splitInput.ts";
import { silentLogger } from "../runtime/telemetry/createLogger.ts";
import { createGriefer, fundedSender } from "./crash/createGriefer.ts";
import { createVictim, type Victim } from "./crash/createVictim.ts";
import { settle } from "./crash/settle.ts";
import { createLinks } from "./soak/createLinks.ts";
import { readLatencies } from "./soak/latencies.ts";
import { measureProcess, trend, type Sample } from "./soak/measureProcess.ts";

const { values } = parseArgs({ options: { jobs: { type: "string", default: "200" }, minutes: { type: "string", default: "30" }, seed: { type: "string", default: String(Date.now() % 1e6) }, json: { type: "boolean", default: false }, keep: { type: "boolean", default: false } } });
const [jobCount, minutes, seed] = [Number(values.jobs), Number(values.minutes), Number(values.seed)];
let state = seed >>> 0;
const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const note = (text: string): void => void (values.json || process.stderr.write(`${text}\n`));
const started = Date.now();
const end = started + minutes * 60_000;

const home = await mkdtemp(path.join(tmpdir(), "gainsay-soak-"));
const logs = path.join(home, "logs");
await mkdir(logs);
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GAINSAY_")));
const theatre = await openTheatre({ home, env, logger: silentLogger(), onStep: note });
const { chain, stage, programRoot } = theatre;
const extra: Record<string, Address> = {};
for (const name of ["executor-3", "watcher-2"]) {
  extra[name] = String((await stage.run(["keys", "new", name]))["address"]) as Address;
  await chain.client.request({ method: "hardhat_setBalance" as never, params: [extra[name], "0x3635c9adc5dea00000"] as never });
}
const accounts: Record<string, Address> = { ...theatre.accounts, ...extra };
await theatre.as("executor-2", ["stake", "deposit", "90"]);
for (const name of ["executor-1", "executor-3"]) await stage.run(["stake", "deposit", "90", "--key", name]);

const names = ["executor-1", "executor-2", "executor-3", "watcher-1", "watcher-2"];
const links = await createLinks(names, String(stage.env["GAINSAY_RPC_URL"]));
note(links.real ? "each daemon has a network of its own" : "no network namespaces here: no links are cut");
const failures: string[] = [];
const polling = ["--polling-interval-ms", "500", "--log-level", "info"];
const daemon = (name: string, more: string[]): Victim => {
  const address = links.address(name);
  const listen = address === undefined ? [] : ["--listen", address];
  return createVictim(name, [name.startsWith("executor") ? "executor" : "watcher", "start", "--name", name, "--key", name, ...polling, ...listen, ...more], { ...stage.env, GAINSAY_RPC_URL: links.rpcUrl }, logs, (code) => failures.push(`${name} ended by itself with ${code}`), links.prefix(name));
};
const daemons = [
  daemon("executor-1", ["--claim-delay", "1"]),
  daemon("executor-2", ["--misbehave", "answer"]),
  daemon("executor-3", ["--claim-delay", "1"]),
  daemon("watcher-1", ["--patience", "5", "--max-daily-spend", "1000"]),
  daemon("watcher-2", ["--patience", "5", "--max-daily-spend", "1000"]),
];
const griefer = await createGriefer(chain);
const honest = ["executor-1", "executor-3"].map((name) => accounts[name] as Address);
const before = await settle(chain, 0, accounts, 0);

const requester = await fundedSender(chain);
const { program } = await readBundle(path.join(home, "bundles", programRoot));
const inputs = await Promise.all(Array.from({ length: 10 }, async (_, digit) => (await readInput(program.inputs[0] as (typeof program.inputs)[number], sampleImage(digit))).bytes));

for (const each of daemons) {
  each.start();
  // They find each other through the addresses that earlier ones left.
  await delay(3_000);
}
const samples = new Map<string, Sample[]>();
const sampling = setInterval(() => {
  for (const { name, pid } of daemons) {
    const sample = pid === undefined ? undefined : measureProcess(pid, Date.now() - started);
    const key = `${name} (${pid})`;
    if (sample !== undefined) samples.set(key, [...(samples.get(key) ?? []), sample]);
  }
}, 2_000);

let [restarts, cuts, submitted, over] = [0, 0, 0, false];
const trouble = (async () => {
  while (!over) {
    await delay(8_000 + random() * 8_000);
    // The first of each kind stays, so that a trend over its whole life can be seen.
    const victim = daemons[[1, 2, 4][Math.floor(random() * 3)] as number] as Victim;
    if (over) return;
    if (random() < 0.5 || !links.real) {
      restarts++;
      await victim.stop();
      await delay(2_000 + random() * 5_000);
      victim.start();
    } else {
      const cut = daemons[Math.floor(random() * daemons.length)] as Victim;
      cuts++;
      links.set(cut.name, false);
      await delay(3_000 + random() * 5_000);
      links.set(cut.name, true);
    }
  }
})();
while (submitted < jobCount && Date.now() < end) {
  const input = inputs[submitted % 10] as Uint8Array;
  await submitJob(requester, { programRoot: programRoot as Hex, inputRoot: inputRootOf([input]), fee: parseEther("0.01"), collateral: parseEther("1"), claimWindow: 3_600, deliveryWindow: 600, challengeWindow: 60, input });
  submitted++;
  if (submitted % 20 === 0) {
    note(`${submitted} jobs submitted, ${restarts} restarts, ${cuts} cuts, ${Math.round((Date.now() - started) / 1000)} s`);
    if (griefer.count < 5) for (let id = BigInt(Math.max(1, submitted - 40)); id <= BigInt(submitted) && griefer.count < 5; id++) await griefer.grief(id, honest);
  }
  await delay(500);
}
over = true;
await trouble;
note(`${submitted} jobs submitted; waiting for them`);
const after = await settle(chain, submitted, accounts, 600_000);
clearInterval(sampling);
const { latencies, seconds, final } = await readLatencies(chain);
const codes = await Promise.all(daemons.map((each) => each.stop()));

const check = (holds: boolean, what: string): void => void (holds || failures.push(what));
const lies = after.jobs.filter(({ executor }) => executor?.toLowerCase() === accounts["executor-2"]?.toLowerCase());
for (const name of ["executor-1", "executor-3"]) {
  const [then, now] = [before.accounts[name], after.accounts[name]];
  check(now?.stake === then?.stake && now?.locked === 0n && now.slashed === 0 && now.missed === 0, `${name}: stake ${then?.stake} became ${now?.stake}, ${now?.slashed} convictions, ${now?.missed} missed`);
}
check(after.stuckJobs.length === 0, `not final: ${after.stuckJobs.join(", ")}`);
check(after.openDisputes.length === 0, `open disputes: ${after.openDisputes.join(", ")}`);
check(lies.length === 0, `final with a false result: ${lies.map(({ id }) => id).join(", ")}`);
check((after.accounts["executor-2"]?.slashed ?? 0) > 0, "nobody was convicted, so the run proves nothing");
check(codes.every((code) => code === 0), `exit codes at the orderly end: ${codes.join(", ")}`);
const trends = [...samples].flatMap(([name, taken]) => {
  const found = trend(taken);
  return found === undefined ? [] : [{ name, ...found, grown: found.late.rssBytes / found.early.rssBytes }];
});
for (const { name, early, late } of trends) {
  check(late.rssBytes < 1.3 * early.rssBytes + 60e6, `${name}: memory grew from ${Math.round(early.rssBytes / 1e6)} to ${Math.round(late.rssBytes / 1e6)} MB`);
  check(late.handles <= early.handles + 30, `${name}: handles grew from ${early.handles} to ${late.handles}`);
}

const report = { seed, links: links.real, seconds: Math.round((Date.now() - started) / 1000), jobs: submitted, final, jobsPerMinute: Math.round((final / Math.max(1, seconds)) * 600) / 10, restarts, cuts, griefed: griefer.count, convictions: after.accounts["executor-2"]?.slashed ?? 0, latencies, trends: trends.map(({ name, early, late }) => ({ name, early, late })), failures };
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
else {
  const text = (value: number): string => (Number.isNaN(value) ? "–" : `${value} s`);
  process.stdout.write(
    `${[
      `${final} of ${submitted} jobs final in ${seconds} s of the chain, ${report.jobsPerMinute} a minute; ${report.convictions} convictions, ${griefer.count} disputes by a griefer, ${restarts} restarts, ${cuts} cut links, seed ${seed}`,
      "",
      ...table(["latency", "count", "median", "95 %", "longest"], latencies.map(({ name, count, median, p95, max }) => [name, String(count), text(median), text(p95), text(max)])),
      "",
      ...table(["process", "memory early", "memory late", "handles early", "handles late"], trends.map(({ name, early, late }) => [name, `${Math.round(early.rssBytes / 1e6)} MB`, `${Math.round(late.rssBytes / 1e6)} MB`, String(early.handles), String(late.handles)])),
      "",
      failures.length === 0 ? "every job final, every lie convicted, nothing leaks" : `FAILED:\n${failures.map((line) => `  ${line}`).join("\n")}`,
    ].join("\n")}\n`,
  );
}
await theatre.close();
await links.close();
if (values.keep || failures.length > 0) process.stderr.write(`logs: ${logs}\n`);
else await rm(home, { recursive: true, force: true });
process.exitCode = failures.length === 0 ? 0 : 1;
