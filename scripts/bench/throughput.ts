// `node scripts/bench/throughput.ts`: jobs through one executor and watchers on a development chain; `--help` lists the options.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseEther, type Address } from "viem";
import { sampleImage } from "../../cli/commands/demo/theatre.ts";
import { table, toJson } from "../../cli/output.ts";
import { integer } from "../../cli/parse.ts";
import type { Hex } from "../../protocol/hex.ts";
import { readBundle } from "../../runtime/bundle/readBundle.ts";
import { submitJob } from "../../runtime/chain/calls/submitJob.ts";
import { readInput } from "../../runtime/inputs/readInput.ts";
import { inputRootOf } from "../../runtime/programs/splitInput.ts";
import { commandLine, exitOnSignals, list } from "../commandLine.ts";
import { fundedSender } from "../crash/createGriefer.ts";
import { openRing, type RingDaemon } from "./devnet/openRing.ts";
import { bytesWritten } from "./devnet/processTime.ts";
import { profileParts, type Part } from "./devnet/profileParts.ts";

/** Challenge window of the measured jobs, seconds: none is final before all are checked. Then the chain's clock is put forward. */
const WINDOW = 120;
/** Jobs that go through before the measured ones: what a daemon runs for the first time, the engine has not compiled yet. */
const WARM_UP = 96;
/** Milliseconds after which a run is given up. */
const PATIENCE_MS = 600_000;

export interface Throughput {
  jobs: number;
  watchers: number;
  /** Whether the watchers' floats are not the executor's, so that they fetch each trace. */
  otherFloats: boolean;
  /** Kilobytes a job that the executor wrote until all were checked: to its disk, the chain and peers. */
  written: number;
  /** Seconds from the moment the daemons see the jobs. `checked` is when the last watcher has judged the last one; `settled` is what it took to make all of them final once their windows were over. */
  seconds: { committed: number; checked: number; settled: number };
  /** Processor milliseconds a job until all were checked, and to make them final. */
  processes: { name: string; checking: number; settling: number }[];
  /** Calls to the chain a job in both stages together, by daemon and method, and HTTP requests a job. */
  calls: { name: string; requests: number; methods: Record<string, number> }[];
  /** Transactions of the executor in both stages together. */
  transactions: number;
  /** Processor milliseconds a job of the executor and the first watcher until all were checked, by what they went to: only of a run that is profiled, which takes somewhat longer. */
  parts?: { name: string; spent: Record<Part, number> }[];
}

/**
 * Submits all jobs while the daemons stand still, lets them run until all are checked, stops them again while the windows go by, and lets them
 * settle. Nobody waits for a clock in what is measured, and what the requester takes, an account of this process, is in none of it.
 */
export async function measureThroughput({ jobs, watchers, otherFloats, isProfiled = false }: Pick<Throughput, "jobs" | "watchers" | "otherFloats"> & { isProfiled?: boolean }, note: (text: string) => void): Promise<Throughput> {
  const ring = await openRing(note);
  const profiles = await mkdtemp(path.join(tmpdir(), "gainsay-profiles-"));
  let span: [number, number] = [0, 0];
  const pids: number[] = [];
  const measure = async (): Promise<Throughput> => {
    const { stage, chain } = ring.theatre;
    const rpc = chain.client.request as (call: { method: string; params: unknown[] }) => Promise<unknown>;
    const compiled = await stage.run(["model", "compile", "models/digits/digits.onnx"]);
    const programRoot = String(compiled["programRoot"]) as Hex;
    await ring.theatre.as("requester", ["model", "register", programRoot]);
    await ring.theatre.as("executor-1", ["stake", "deposit", "900"]);
    const requester = await fundedSender(chain);
    const names = Array.from({ length: watchers }, (_, i) => `watcher-${i + 1}`);
    for (const name of names.slice(1)) {
      const address = String((await stage.run(["keys", "new", name]))["address"]) as Address;
      await rpc({ method: "hardhat_setBalance", params: [address, "0x3635c9adc5dea00000"] });
    }

    const counts = new Map<string, number>();
    const counted = (message: string) => (line: { message?: string }): void => void (line.message === message && counts.set(message, (counts.get(message) ?? 0) + 1));
    const [committed, finals, verified] = [counted("result committed"), counted("job final"), counted("commitment verified")];
    if (isProfiled) stage.set("NODE_OPTIONS", `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${profiles}`);
    const executor = await ring.start("executor", "executor-1", ["--program", programRoot], (line) => (committed(line), finals(line)));
    const daemons: RingDaemon[] = [executor];
    for (const name of names) daemons.push(await ring.start("watcher", name, otherFloats ? ["--optimization", "disabled"] : [], verified));
    pids.push(...daemons.slice(0, 2).map(({ daemon }) => daemon.pid));
    const signal = (name: "SIGSTOP" | "SIGCONT"): void => daemons.forEach(({ daemon }) => process.kill(daemon.pid, name));
    const used = (): { name: string; of: number }[] => [...daemons.flatMap(({ name, seconds }) => [{ name, of: seconds().daemon }, { name: `${name}, inference`, of: seconds().inference }]), { name: "chain", of: ring.chainSeconds() }];
    const { program } = await readBundle(`${String(stage.env["GAINSAY_HOME"])}/bundles/${programRoot}`);
    const inputs = await Promise.all(Array.from({ length: 10 }, async (_, digit) => (await readInput(program.inputs[0] as (typeof program.inputs)[number], sampleImage(digit))).bytes));

    /** Seconds until a line has been logged so many times more than at the start. */
    const reaching = (message: string, count: number): (() => Promise<number>) => {
      const [wanted, started] = [(counts.get(message) ?? 0) + count, performance.now()];
      return async () => {
        while ((counts.get(message) ?? 0) < wanted) {
          if (performance.now() - started > PATIENCE_MS) throw new Error(`only ${counts.get(message) ?? 0} of ${wanted} times "${message}"`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return (performance.now() - started) / 1000;
      };
    };

    const passThrough = async (amount: number) => {
      signal("SIGSTOP");
      note(`submitting ${amount} jobs`);
      for (let i = 0; i < amount; i++) {
        const input = inputs[i % 10] as Uint8Array;
        await submitJob(requester, { programRoot, inputRoot: inputRootOf([input]), fee: parseEther("0.01"), collateral: parseEther("1"), claimWindow: 3_600, deliveryWindow: 600, challengeWindow: WINDOW, input });
      }
      const nonceBefore = await chain.client.getTransactionCount({ address: ring.theatre.accounts["executor-1"] });
      const before = used();
      const from = now();
      const writtenBefore = bytesWritten(executor.daemon.pid);
      const calls = daemons.map(({ rpc: counter }) => ({ calls: counter.calls(), requests: counter.requests() }));
      const [allCommitted, allChecked] = [reaching("result committed", amount), reaching("commitment verified", amount * watchers)];
      signal("SIGCONT");
      const [whenCommitted, whenChecked] = await Promise.all([allCommitted(), allChecked()]);
      const between = used();
      span = [from, now()];
      const written = (bytesWritten(executor.daemon.pid) - writtenBefore) / amount / 1000;
      note(`all checked after ${Math.max(whenCommitted, whenChecked).toFixed(1)} s`);
      signal("SIGSTOP");
      await rpc({ method: "evm_increaseTime", params: [WINDOW + 1] });
      await rpc({ method: "evm_mine", params: [] });
      const again = used();
      const allFinal = reaching("job final", amount);
      signal("SIGCONT");
      const settled = await allFinal();
      const after = used();
      const perJob = (seconds: number): number => (seconds * 1000) / amount;
      const spent = (from: typeof before, to: typeof before, i: number): number => perJob((to[i]?.of ?? 0) - (from[i]?.of ?? 0));
      return {
        written,
        transactions: (await chain.client.getTransactionCount({ address: ring.theatre.accounts["executor-1"] })) - nonceBefore,
        seconds: { committed: whenCommitted, checked: whenChecked, settled },
        processes: before.map(({ name }, i) => ({ name, checking: spent(before, between, i), settling: spent(again, after, i) })),
        calls: daemons.map(({ name, rpc: counter }, i) => ({
          name,
          requests: (counter.requests() - (calls[i]?.requests ?? 0)) / amount,
          methods: Object.fromEntries(Object.entries(counter.calls()).map(([method, count]) => [method, (count - (calls[i]?.calls[method] ?? 0)) / amount])),
        })),
      };
    };
    await passThrough(WARM_UP);
    return { jobs, watchers, otherFloats, ...(await passThrough(jobs)) };
  };
  try {
    const measured = await measure().finally(() => ring.close());
    if (!isProfiled) return measured;
    const files = await readdir(profiles);
    const spentBy = (pid: number): Record<Part, number> => {
      const file = files.find((name) => name.split(".")[3] === String(pid));
      if (file === undefined) throw new Error(`process ${pid} left no profile`);
      return Object.fromEntries(Object.entries(profileParts(path.join(profiles, file), ...span)).map(([part, ms]) => [part, ms / jobs])) as Record<Part, number>;
    };
    return { ...measured, parts: pids.map((pid, i) => ({ name: i === 0 ? "executor" : "watcher", spent: spentBy(pid) })) };
  } finally {
    await rm(profiles, { recursive: true, force: true });
  }
}

/** Microseconds of the clock that profiles are kept by. */
function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export function throughputLines(measured: readonly Throughput[]): string[] {
  return measured.flatMap(({ jobs, watchers, otherFloats, written, seconds, processes, calls, transactions, parts = [] }) => [
    `${jobs} jobs, ${watchers} ${watchers === 1 ? "watcher" : "watchers"} with ${otherFloats ? "other" : "equal"} floats, ${transactions} transactions, ${written.toFixed(1)} kB a job written by the executor: all committed after ${seconds.committed.toFixed(1)} s (${(jobs / seconds.committed).toFixed(1)} a second), checked after ${seconds.checked.toFixed(1)} s (${(jobs / seconds.checked).toFixed(1)} a second), final ${seconds.settled.toFixed(1)} s after their window`,
    ...table(["processor ms a job", "until checked", "to make final"], processes.map(({ name, checking, settling }) => [name, checking.toFixed(1), settling.toFixed(1)])),
    ...calls.map(({ name, requests, methods }) => `${name}: ${requests.toFixed(1)} requests a job; ${Object.entries(methods).sort((a, b) => b[1] - a[1]).map(([method, count]) => `${method} ${count.toFixed(1)}`).join(", ")}`),
    ...parts.map(({ name, spent }) => `${name}, processor ms a job by what it went to: ${Object.entries(spent).map(([part, ms]) => `${part} ${ms.toFixed(2)}`).join(", ")}`),
    "",
  ]);
}

if (import.meta.main) {
  const counts = (text: string): number[] => list(text).map(integer(1));
  const options = commandLine("node scripts/bench/throughput.ts", "Measures how many jobs a second go through one executor and its watchers on a development chain, and what each spends.")
    .option("--jobs <n,…>", "jobs of each measurement", counts, [100])
    .option("--watchers <n,…>", "watchers of each measurement", counts, [1])
    .option("--other-floats", "watchers whose floats are not the executor's, so that they fetch each trace", false)
    .option("--profile", "also tell what processor time went to; takes somewhat longer", false)
    .option("--json", "print the measurements as one JSON document", false)
    .parse()
    .opts<{ jobs: number[]; watchers: number[]; otherFloats: boolean; profile: boolean; json: boolean }>();
  exitOnSignals();
  const measured: Throughput[] = [];
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  for (const watchers of options.watchers) for (const jobs of options.jobs) measured.push(await measureThroughput({ jobs, watchers, otherFloats: options.otherFloats, isProfiled: options.profile }, note));
  process.stdout.write(options.json ? `${toJson(measured)}\n` : `${throughputLines(measured).join("\n")}\n`);
  process.exit(0);
}
