import { plotBars } from "../plots/plotBars.ts";
import type { Section } from "../section.ts";
import { measureThroughput, type Throughput } from "../throughput.ts";

const JOBS = 100;
/** Jobs of a run with more watchers: each of them fetches each trace. */
const FETCHED_JOBS = 40;

/** Jobs a second through one executor and watchers on a development chain, and whose processor time they take. */
export const throughput: Section<Throughput[]> = {
  name: "throughput",
  title: "Jobs a second",
  about: "One executor, watchers, and the chain's node on this machine; digits, granularity block. All jobs are submitted while the daemons stand still; then they go. With more than one watcher their floats are not the executor's, so that each fetches each trace.",
  onRequest: true,
  async measure({ note }) {
    const measured = [await measureThroughput({ jobs: JOBS, watchers: 1, otherFloats: false }, (text) => note(`throughput: ${text}`))];
    for (const watchers of [1, 2, 4]) measured.push(await measureThroughput({ jobs: FETCHED_JOBS, watchers, otherFloats: true }, (text) => note(`throughput: ${watchers} watchers: ${text}`)));
    return measured;
  },
  tables: (measured) => [
    {
      caption: "Jobs a second until all were committed, checked and, once their windows are over, final",
      header: ["jobs", "watchers", "floats", "committed", "checked", "final", "written by the executor"],
      rows: measured.map(({ jobs, watchers, otherFloats, seconds, written }) => [String(jobs), String(watchers), otherFloats ? "other" : "equal", (jobs / seconds.committed).toFixed(1), (jobs / seconds.checked).toFixed(1), (jobs / seconds.settled).toFixed(1), `${written.toFixed(1)} kB a job`]),
    },
    ...measured.map(({ watchers, otherFloats, processes, calls }) => ({
      caption: `Processor ms a job, and requests to the chain, ${watchers} ${watchers === 1 ? "watcher" : "watchers"} with ${otherFloats ? "other" : "equal"} floats`,
      header: ["process", "until checked", "to make final", "requests a job"],
      rows: processes.map(({ name, checking, settling }) => [name, checking.toFixed(1), settling.toFixed(1), calls.find((one) => one.name === name)?.requests.toFixed(1) ?? ""]),
    })),
  ],
  plots: ([first]) => (first === undefined ? [] : [{ file: "throughput.svg", svg: plotBars(barsOf(first)) }]),
};

function barsOf({ processes }: Throughput): Parameters<typeof plotBars>[0] {
  return { title: "Processor time of a job, by process", label: "milliseconds a job", series: ["until checked", "to make final"], groups: processes.map(({ name, checking, settling }) => ({ label: name, values: [checking, settling] })) };
}
