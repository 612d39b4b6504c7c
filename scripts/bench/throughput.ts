// `node scripts/bench/throughput.ts [--jobs N] [--watchers N,…] [--other-floats] [--json]`: jobs through one executor and watchers on a development chain.
import { parseArgs } from "node:util";
import { parseEther, type Address } from "viem";
import { sampleImage } from "../../cli/commands/demo/theatre.ts";
import { table, toJson } from "../../cli/output.ts";
import type { Hex } from "../../protocol/hex.ts";
import { readBundle } from "../../runtime/bundle/readBundle.ts";
import { submitJob } from "../../runtime/chain/calls/submitJob.ts";
import { readInput } from "../../runtime/inputs/readInput.ts";
import { inputRootOf } from "../../runtime/programs/splitInput.ts";
import { fundedSender } from "../crash/createGriefer.ts";
import { openRing, type RingDaemon } from "./devnet/openRing.ts";
import { bytesWritten } from "./devnet/processTime.ts";

/** Challenge window of the measured jobs, seconds: none is final before all are checked. */
const WINDOW = 60;
/** Milliseconds after which a run is given up. */
const PATIENCE_MS = 600_000;

export interface Throughput {
  jobs: number;
  watchers: number;
  /** Whether the watchers' floats are not the executor's, so that they fetch each trace. */
  otherFloats: boolean;
  /** Kilobytes a job that the executor wrote until all were checked: to its disk, the chain and peers. */
  written: number;
  /** Seconds from the moment the daemons see the jobs. `checked` is when the last watcher has judged the last one. */
  seconds: { committed: number; checked: number; final: number };
  /** Processor milliseconds a job until all were checked, and from then until all were final. */
  processes: { name: string; checking: number; settling: number }[];
  /** Calls to the chain a job until all were final, by daemon and method, and HTTP requests a job. */
  calls: { name: string; requests: number; methods: Record<string, number> }[];
}

/** Submits all jobs while the daemons stand still, lets them run, and watches their logs. */
export async function measureThroughput({ jobs, watchers, otherFloats }: Pick<Throughput, "jobs" | "watchers" | "otherFloats">, note: (text: string) => void): Promise<Throughput> {
  const ring = await openRing(note);
  try {
    const { stage, chain } = ring.theatre;
    const compiled = await stage.run(["model", "compile", "models/digits/digits.onnx"]);
    const programRoot = String(compiled["programRoot"]) as Hex;
    await ring.theatre.as("requester", ["model", "register", programRoot]);
    await ring.theatre.as("executor-1", ["stake", "deposit", "900"]);
    const requester = await fundedSender(chain);
    const names = Array.from({ length: watchers }, (_, i) => `watcher-${i + 1}`);
    for (const name of names.slice(1)) {
      const address = String((await stage.run(["keys", "new", name]))["address"]) as Address;
      await chain.client.request({ method: "hardhat_setBalance" as never, params: [address, "0x3635c9adc5dea00000"] as never });
    }

    const counts = new Map<string, number>();
    const counted = (message: string) => (line: { message?: string }): void => void (line.message === message && counts.set(message, (counts.get(message) ?? 0) + 1));
    const [committed, finals, verified] = [counted("result committed"), counted("job final"), counted("commitment verified")];
    const executor = await ring.start("executor", "executor-1", ["--program", programRoot], (line) => (committed(line), finals(line)));
    const daemons: RingDaemon[] = [executor];
    for (const name of names) daemons.push(await ring.start("watcher", name, otherFloats ? ["--optimization", "disabled"] : [], verified));

    for (const { daemon } of daemons) process.kill(daemon.pid, "SIGSTOP");
    note(`submitting ${jobs} jobs`);
    const { program } = await readBundle(`${String(stage.env["GAINSAY_HOME"])}/bundles/${programRoot}`);
    const inputs = await Promise.all(Array.from({ length: 10 }, async (_, digit) => (await readInput(program.inputs[0] as (typeof program.inputs)[number], sampleImage(digit))).bytes));
    for (let i = 0; i < jobs; i++) {
      const input = inputs[i % 10] as Uint8Array;
      await submitJob(requester, { programRoot, inputRoot: inputRootOf([input]), fee: parseEther("0.01"), collateral: parseEther("1"), claimWindow: 3_600, deliveryWindow: 600, challengeWindow: WINDOW, input });
    }
    const measure = () => [...daemons.flatMap(({ name, seconds }) => [{ name, of: seconds().daemon }, { name: `${name}, inference`, of: seconds().inference }]), { name: "chain", of: ring.chainSeconds() }];
    const before = measure();
    const writtenBefore = bytesWritten(executor.daemon.pid);
    const calls = daemons.map(({ rpc }) => ({ calls: rpc.calls(), requests: rpc.requests() }));
    const started = performance.now();
    for (const { daemon } of daemons) process.kill(daemon.pid, "SIGCONT");
    const reached = async (message: string, count: number): Promise<number> => {
      while ((counts.get(message) ?? 0) < count) {
        if (performance.now() - started > PATIENCE_MS) throw new Error(`only ${counts.get(message) ?? 0} of ${count} times "${message}"`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return (performance.now() - started) / 1000;
    };
    const [whenCommitted, whenChecked] = await Promise.all([reached("result committed", jobs), reached("commitment verified", jobs * watchers)]);
    const between = measure();
    const written = (bytesWritten(executor.daemon.pid) - writtenBefore) / jobs / 1000;
    note(`all checked after ${Math.max(whenCommitted, whenChecked).toFixed(1)} s`);
    const whenFinal = await reached("job final", jobs);
    const after = measure();
    const perJob = (seconds: number): number => (seconds * 1000) / jobs;
    return {
      jobs,
      watchers,
      otherFloats,
      written,
      seconds: { committed: whenCommitted, checked: whenChecked, final: whenFinal },
      processes: before.map(({ name, of }, i) => ({ name, checking: perJob((between[i]?.of ?? 0) - of), settling: perJob((after[i]?.of ?? 0) - (between[i]?.of ?? 0)) })),
      calls: daemons.map(({ name, rpc }, i) => ({
        name,
        requests: (rpc.requests() - (calls[i]?.requests ?? 0)) / jobs,
        methods: Object.fromEntries(Object.entries(rpc.calls()).map(([method, count]) => [method, (count - (calls[i]?.calls[method] ?? 0)) / jobs])),
      })),
    };
  } finally {
    await ring.close();
  }
}

export function throughputLines(measured: readonly Throughput[]): string[] {
  return measured.flatMap(({ jobs, watchers, otherFloats, written, seconds, processes, calls }) => [
    `${jobs} jobs, ${watchers} ${watchers === 1 ? "watcher" : "watchers"} with ${otherFloats ? "other" : "equal"} floats, ${written.toFixed(1)} kB a job written by the executor: all committed after ${seconds.committed.toFixed(1)} s (${(jobs / seconds.committed).toFixed(1)} a second), checked after ${seconds.checked.toFixed(1)} s (${(jobs / seconds.checked).toFixed(1)} a second), final after ${seconds.final.toFixed(1)} s with a window of ${WINDOW} s`,
    ...table(["processor ms a job", "until checked", "until final"], processes.map(({ name, checking, settling }) => [name, checking.toFixed(1), settling.toFixed(1)])),
    ...calls.map(({ name, requests, methods }) => `${name}: ${requests.toFixed(1)} requests a job; ${Object.entries(methods).sort((a, b) => b[1] - a[1]).map(([method, count]) => `${method} ${count.toFixed(1)}`).join(", ")}`),
    "",
  ]);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { jobs: { type: "string", default: "100" }, watchers: { type: "string", default: "1" }, "other-floats": { type: "boolean", default: false }, json: { type: "boolean", default: false } } });
  const measured: Throughput[] = [];
  for (const watchers of values.watchers.split(",")) measured.push(await measureThroughput({ jobs: Number(values.jobs), watchers: Number(watchers), otherFloats: values["other-floats"] }, (text) => void process.stderr.write(`${text}\n`)));
  process.stdout.write(values.json ? `${toJson(measured)}\n` : `${throughputLines(measured).join("\n")}\n`);
  process.exit(0);
}
