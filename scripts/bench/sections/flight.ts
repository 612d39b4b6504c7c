import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { measureLoops, type Lanes } from "../measureLoops.ts";
import { plotLines } from "../plots/plotLines.ts";
import type { Section, Table } from "../section.ts";
import { median, times, type Spread } from "../spread.ts";
import type { LoopTime } from "../timeLoops.ts";

/** Jobs that are on their way at a time. */
const widths = [1, 2, 4, 8, 16] as const;
/** What a queue that is never empty looks like. */
const FULL = 16;
/** Rounds, at most: each is a slice of steady state, not one run. */
const ROUNDS = 11;

/** What a job costs an executor that has more of them waiting: throughput. */
export const flight: Section<Lanes[]> = {
  name: "flight",
  title: "Jobs in flight",
  about: `Time a job, from the inputs to the commitment, while so many are on their way, ÷ plain ONNX Runtime in a loop without a pause, at the number of threads at which it is fastest. An executor with a queue of jobs is the column of ${FULL}. processor: time of both processes on all cores, ÷ that of plain.`,
  async measure(context) {
    const measured: Lanes[] = [];
    for (const subject of context.subjects) {
      context.note(`jobs in flight: ${subject.name}`);
      measured.push(await measureLoops(subject, { ...context, rounds: Math.min(ROUNDS, context.rounds) }, { threads: context.threads, plainThreads: [...new Set([1, context.threads])], granularities, widths }));
    }
    return measured;
  },
  tables: (measured) => granularities.map((granularity) => tableOf(measured, granularity)),
  plots: (measured) =>
    granularities.map((granularity) => ({
      file: `flight-${granularity}.svg`,
      svg: plotLines({
        title: `Cost of a job by jobs in flight, granularity ${granularity}`,
        x: { label: "jobs in flight", values: widths },
        y: { label: "÷ plain ONNX Runtime" },
        lines: measured.map((one) => ({ label: one.model, values: widths.map((width) => ratio(one, granularity, width)) })),
      }),
    })),
};

function tableOf(measured: readonly Lanes[], granularity: Granularity): Table {
  const ratios = (one: Lanes): number[] => widths.map((width) => ratio(one, granularity, width));
  const processors = (one: Lanes): number => lane(one, granularity, FULL).processor / Math.min(...Object.values(one.plain).map(({ processor }) => processor));
  return {
    caption: `Granularity ${granularity}`,
    header: ["model", "plain ms", ...widths.map((width) => `${width} in flight`), "quiet", "processor"],
    rows: [
      ...measured.map((one) => [one.model, best(one, "median").toFixed(3), ...ratios(one).map(times), times(quiet(one, granularity)), times(processors(one))]),
      ["median", "", ...widths.map((_, i) => times(median(measured.map((one) => ratios(one)[i] as number)))), times(median(measured.map((one) => quiet(one, granularity)))), times(median(measured.map(processors)))],
    ],
  };
}

function lane({ lanes }: Lanes, granularity: Granularity, width: number): LoopTime {
  return lanes[`${granularity}/${width}`] as LoopTime;
}

function ratio(one: Lanes, granularity: Granularity, width: number): number {
  return lane(one, granularity, width).milliseconds.median / best(one, "median");
}

function best({ plain }: Lanes, of: keyof Spread): number {
  return Math.min(...Object.values(plain).map(({ milliseconds }) => milliseconds[of]));
}

/** With a full queue, the ratio of the first deciles: of what both take when nothing else is at work. */
function quiet(one: Lanes, granularity: Granularity): number {
  return lane(one, granularity, FULL).milliseconds.low / best(one, "low");
}
