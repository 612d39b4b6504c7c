import { table } from "../../cli/output.ts";
import type { Latency } from "./latencies.ts";
import type { Sample } from "./measureProcess.ts";

/** What a soak has shown. */
export interface SoakReport {
  seed: number;
  /** Whether each daemon had a network of its own. */
  links: boolean;
  seconds: number;
  /** From the first to the last event of a job, by the chain's clock. */
  chainSeconds: number;
  jobs: number;
  final: number;
  jobsPerMinute: number;
  restarts: number;
  cuts: number;
  /** Disputes of the dishonest watcher. */
  griefed: number;
  lies: number;
  convictions: number;
  latencies: Latency[];
  /** Of each process that lived for a while: seconds, and medians over the fifths of its life. */
  lives: { name: string; seconds: number; fifths: Sample[] }[];
  failures: string[];
}

/** The report as a person reads it. */
export function soakLines(report: SoakReport): string[] {
  const { latencies, lives, failures } = report;
  const text = (value: number): string => (Number.isNaN(value) ? "–" : `${value} s`);
  return [
    `${report.final} of ${report.jobs} jobs final in ${report.chainSeconds} s of the chain, ${report.jobsPerMinute} a minute; ${report.convictions} of ${report.lies} lies convicted, ${report.griefed} disputes by a dishonest watcher, ${report.restarts} restarts, ${report.cuts} cut links, ${report.seconds} s in all, seed ${report.seed}`,
    "",
    ...table(["latency", "count", "median", "95 %", "longest"], latencies.map(({ name, count, median, p95, max }) => [name, String(count), text(median), text(p95), text(max)])),
    "",
    ...table(
      ["process", "life", "memory in each fifth of it, MB", "handles"],
      lives.map(({ name, seconds, fifths }) => [name, `${seconds} s`, fifths.map(({ rssBytes }) => String(Math.round(rssBytes / 1e6))).join(" "), fifths.map(({ handles }) => String(handles)).join(" ")]),
    ),
    "",
    ...(failures.length === 0 ? ["every job final, every lie convicted, no honest stake or bond lost, nothing leaks"] : ["FAILED:", ...failures.map((line) => `  ${line}`)]),
  ];
}
