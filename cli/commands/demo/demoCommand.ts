import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { GainsayError } from "../../../protocol/errors.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { action } from "../../action.ts";
import type { Context } from "../../context.ts";
import type { Shell } from "../../shell.ts";
import { gasPaid, isConserved, readBalances } from "./balances.ts";
import type { LogLine } from "./createStage.ts";
import { createNarrator } from "./narrator.ts";
import { readStories, type DisputeStory } from "./observeDispute.ts";
import { playJob, type JobStory } from "./playJob.ts";
import { summary } from "./summary.ts";
import { openTheatre, terms } from "./theatre.ts";

/** `gainsay demo` */
export function demoCommand(shell: Shell): Command {
  return new Command("demo")
    .description("show an honest job and two kinds of cheating on a local chain, with real processes, in about two minutes")
    .option("--keep", "leave the demo's data folder where it is")
    .action(action(shell, runDemo));
}

async function runDemo(context: Context, flags: { keep?: boolean }): Promise<void> {
  const { output, shell, signal } = context;
  const home = await mkdtemp(path.join(tmpdir(), "gainsay-demo-"));
  context.onClose(() => (flags.keep === true ? output.note(`the demo's data folder is ${home}`) : rm(home, { recursive: true, force: true })));
  const narrator = createNarrator({ json: output.json, stdout: shell.stdout, stderr: shell.stderr });
  const env = Object.fromEntries(Object.entries(shell.env).filter(([name]) => !name.startsWith("GAINSAY_")));
  const theatre = await openTheatre({ home, env, logger: silentLogger(), signal, onStep: narrator.step, onLog: (daemon: string, line: LogLine) => narrator.log(daemon, line) });
  context.onClose(() => theatre.close());
  const { chain, accounts } = theatre;

  const before = await readBalances(chain, accounts);
  const jobs: JobStory[] = [];
  const disputes: DisputeStory[] = [];

  narrator.act("a", "an honest executor");
  await theatre.startExecutor("executor-1", ["--claim-delay", String(terms.claimDelay)]);
  const watcher = await theatre.startWatcher();
  const honest = await playJob(theatre, 7, narrator, signal);
  jobs.push(honest);
  const receiptFile = path.join(home, "receipt.json");
  await theatre.stage.run(["receipt", "export", honest.id, "--out", receiptFile]);
  const verification = await theatre.stage.run(["receipt", "verify", receiptFile]);
  const receipt = { verified: verification["verified"] === true };
  narrator.tell(receipt.verified ? "its receipt verifies against the chain" : "its receipt does NOT verify");

  const cheats = [
    { act: "b", title: "an executor that answers wrongly and publishes its trace", how: "answer", digit: 3 },
    { act: "c", title: "an executor that cheats in the first layer and withholds its trace", how: "step=0/1000,answer,withhold", digit: 5 },
  ] as const;
  for (const { act, title, how, digit } of cheats) {
    narrator.act(act, title);
    const known = BigInt(disputes.length);
    const cheater = await theatre.startExecutor("executor-2", ["--misbehave", how]);
    jobs.push(await playJob(theatre, digit, narrator, signal));
    await cheater.stop();
    const stories = await readStories(chain, known, watcher);
    stories.forEach((story) => narrator.dispute(story));
    disputes.push(...stories);
  }

  await Promise.all(["executor-1", "watcher-1"].map((role) => theatre.as(role as "executor-1", ["stake", "collect"])));
  const after = await readBalances(chain, accounts);
  const gas = await gasPaid(chain, accounts, before.block, after.block);
  const conserved = isConserved(before, after, gas);
  await theatre.close();

  const document = {
    jobs: jobs.map(({ id, status, label, attempts }) => ({ id, status, label, attempts })),
    disputes,
    receipt,
    balances: { conserved, gas, before: before.holders, after: after.holders },
  };
  output.result(document, summary({ jobs, disputes, receipt, before, after, gas, conserved }));
  const complete =
    conserved &&
    receipt.verified &&
    jobs.every(({ status, label, digit, attempts }, i) => status === "final" && label === digit && attempts === (i === 0 ? 1 : 2)) &&
    disputes.length === 2 &&
    disputes.every(({ path: by, winner }, i) => winner === "challenger" && by === (i === 0 ? "refute" : "bisect"));
  if (!complete) throw new GainsayError("The demo did not go as it should; the table above shows what happened.", { code: "DEMO_INCOMPLETE", kind: "verification" });
}
