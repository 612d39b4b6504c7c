import { plotLines } from "../plots/plotLines.ts";
import { plotStacks } from "../plots/plotStacks.ts";
import type { Section } from "../section.ts";
import { parts } from "../devnet/profileParts.ts";
import { measureThroughput, type Throughput } from "../throughput.ts";

/** Jobs that wait when the daemons begin. */
const DEPTHS = [32, 128, 512];
/** Jobs of the run that is profiled. */
const PROFILED = 256;
/** Jobs of a run with more watchers: each of them fetches each trace. */
const FETCHED_JOBS = 40;

/** Jobs a second through one executor and watchers on a development chain, and whose processor time they take. */
export const throughput: Section<Throughput[]> = {
  name: "throughput",
  title: "Jobs a second",
  about: "One executor, watchers, and the chain's node on this machine; digits, granularity block, inputs on chain. After 96 jobs to warm up, all jobs are submitted while the daemons stand still; then they go. Once all are checked the daemons stop again, the chain's clock is put beyond the windows, and they settle. With other floats than the executor's a watcher fetches each trace.",
  onRequest: true,
  async measure({ note }) {
    const say = (text: string): void => note(`throughput: ${text}`);
    const measured: Throughput[] = [];
    for (const jobs of DEPTHS) measured.push(await measureThroughput({ jobs, watchers: 1, otherFloats: false }, say));
    measured.push(await measureThroughput({ jobs: PROFILED, watchers: 1, otherFloats: false, isProfiled: true }, say));
    for (const watchers of [1, 2, 4]) measured.push(await measureThroughput({ jobs: FETCHED_JOBS, watchers, otherFloats: true }, say));
    return measured;
  },
  tables: (measured) => [
    {
      caption: "Jobs a second until all were committed, checked and, once their windows are over, final",
      header: ["jobs", "watchers", "floats", "committed", "checked", "final", "steps a transaction", "written by the executor"],
      rows: measured.filter(({ parts: profiled }) => profiled === undefined).map(({ jobs, watchers, otherFloats, seconds, written, transactions }) => [String(jobs), String(watchers), otherFloats ? "other" : "equal", (jobs / seconds.committed).toFixed(1), (jobs / seconds.checked).toFixed(1), (jobs / seconds.settled).toFixed(1), ((3 * jobs) / transactions).toFixed(0), `${written.toFixed(1)} kB a job`]),
    },
    {
      caption: "Processor ms a job until checked + to make it final, and requests to the chain a job",
      header: ["jobs", "watchers", "floats", "executor", "its inference", "each watcher", "its inference", "chain", "requests of the executor", "of a watcher"],
      rows: measured.filter(({ parts: profiled }) => profiled === undefined).map((one) => [String(one.jobs), String(one.watchers), one.otherFloats ? "other" : "equal", ...processesOf(one).map(({ checking, settling }) => `${checking.toFixed(1)} + ${settling.toFixed(1)}`), ...one.calls.slice(0, 2).map(({ requests }) => requests.toFixed(1))]),
    },
    {
      caption: "Where the processor time of the daemons goes until all are checked, ms a job, sampled (which itself takes some)",
      header: ["daemon", ...parts],
      rows: measured.flatMap(({ parts: profiled = [] }) => profiled.map(({ name, spent }) => [name, ...parts.map((part) => spent[part].toFixed(2))])),
    },
  ],
  plots: (measured) => [
    {
      file: "throughput.svg",
      svg: plotStacks({
        title: "Processor time of jobs, by process",
        parts: ["executor", "inference", "watcher", "inference", "chain"],
        bars: measured.filter(({ otherFloats, parts: profiled }) => !otherFloats && profiled === undefined).flatMap((one) => [
          { label: `${one.jobs} jobs, until checked`, values: processesOf(one).map(({ checking }) => checking) },
          { label: `${one.jobs} jobs, to final`, values: processesOf(one).map(({ settling }) => settling) },
        ]),
      }),
    },
    { file: "throughput-parts.svg", svg: plotStacks({ title: "Processor time of the daemons, by what it goes to", parts, bars: measured.flatMap(({ parts: profiled = [] }) => profiled.map(({ name, spent }) => ({ label: name, values: parts.map((part) => spent[part]) }))) }) },
    { file: "growth-watchers.svg", svg: plotLines(linesOf(measured.filter(({ otherFloats }) => otherFloats))) },
  ],
};

/** Cost by the number of watchers, all of which fetch each trace. */
function linesOf(runs: readonly Throughput[]): Parameters<typeof plotLines>[0] {
  const lines = ["executor", "its inference", "each watcher", "the inference of each", "chain"].map((label, i) => ({ label, values: runs.map((one) => processesOf(one)[i]?.checking ?? 0) }));
  return {
    title: "Processor time of a job until it is checked, by watchers",
    x: { label: "watchers with other floats", values: runs.map(({ watchers }) => watchers) },
    y: { label: "milliseconds a job" },
    lines: [...lines, { label: "kB written by the executor", values: runs.map(({ written }) => written) }],
  };
}

/** Executor, its inference, a watcher and its inference in the mean, the chain. */
function processesOf({ processes, watchers }: Throughput): { checking: number; settling: number }[] {
  const mean = (offset: number): { checking: number; settling: number } => {
    const all = Array.from({ length: watchers }, (_, i) => processes[2 + 2 * i + offset]);
    const sum = (key: "checking" | "settling"): number => all.reduce((total, one) => total + (one?.[key] ?? 0), 0) / watchers;
    return { checking: sum("checking"), settling: sum("settling") };
  };
  return [processes[0], processes[1], mean(0), mean(1), processes.at(-1)].map((one) => one ?? { checking: 0, settling: 0 });
}
