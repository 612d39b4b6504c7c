import { availableParallelism } from "node:os";
import { measureLoops, type Lanes } from "../measureLoops.ts";
import { plotLines } from "../plots/plotLines.ts";
import type { Section } from "../section.ts";
import { median, times } from "../spread.ts";
import type { LoopTime } from "../timeLoops.ts";

/** Jobs in flight. */
const WIDTH = 16;
/** Rounds, at most: each is a slice of steady state, not one run. */
const ROUNDS = 11;

/** The same executor with one thread, two, …, each against plain ONNX Runtime with as many. */
export const cores: Section<Record<number, Lanes>[]> = {
  name: "cores",
  title: "Threads",
  about: `Milliseconds a job with ${WIDTH} jobs in flight, granularity block, and ÷ plain ONNX Runtime in a loop at the same number of threads inside one operator. Hashing has as many threads.`,
  async measure(context) {
    const measured: Record<number, Lanes>[] = [];
    for (const subject of context.subjects) {
      context.note(`threads: ${subject.name}`);
      const byThreads: Record<number, Lanes> = {};
      for (const threads of counts()) byThreads[threads] = await measureLoops(subject, { ...context, rounds: Math.min(ROUNDS, context.rounds) }, { threads, plainThreads: [threads], granularities: ["block"], widths: [WIDTH] });
      measured.push(byThreads);
    }
    return measured;
  },
  tables: (measured) => [
    {
      caption: "",
      header: ["model", ...counts().flatMap((threads) => [`plain, ${threads}`, `job, ${threads}`, "ratio"])],
      rows: [
        ...measured.map((one) => [Object.values(one)[0]?.model ?? "", ...counts().flatMap((threads) => [plainOf(one, threads).toFixed(3), jobOf(one, threads).toFixed(3), times(jobOf(one, threads) / plainOf(one, threads))])]),
        ["median", ...counts().flatMap((threads) => ["", "", times(median(measured.map((one) => jobOf(one, threads) / plainOf(one, threads))))])],
      ],
    },
  ],
  plots: (measured) => [
    {
      file: "threads.svg",
      svg: plotLines({
        title: "Cost of a job by threads",
        x: { label: "threads inside one operator", values: counts() },
        y: { label: "÷ plain ONNX Runtime at as many" },
        lines: measured.map((one) => ({ label: Object.values(one)[0]?.model ?? "", values: counts().map((threads) => jobOf(one, threads) / plainOf(one, threads)) })),
      }),
    },
  ],
};

/** 1, 2, 4, … and all. */
function counts(): number[] {
  const all = availableParallelism();
  return [...Array.from({ length: Math.ceil(Math.log2(all)) }, (_, i) => 2 ** i), all];
}

function plainOf(one: Record<number, Lanes>, threads: number): number {
  return (one[threads]?.plain[threads] as LoopTime).milliseconds.median;
}

function jobOf(one: Record<number, Lanes>, threads: number): number {
  return (one[threads]?.lanes[`block/${WIDTH}`] as LoopTime).milliseconds.median;
}
