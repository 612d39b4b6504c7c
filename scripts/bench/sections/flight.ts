import { granularities, type Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import { commitTensors } from "../../../runtime/inference/commitTrace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { openBench } from "../openBench.ts";
import { processorTime } from "../processorTime.ts";
import type { BenchContext, Section, Table } from "../section.ts";
import { seededFeeds } from "../seededInput.ts";
import { median, times } from "../spread.ts";
import type { Subject } from "../subjects.ts";
import { timeLoops, type Loop, type LoopTime } from "../timeLoops.ts";

/** Jobs that are on their way at a time. */
export const inFlight = [1, 2, 4, 8, 16] as const;
/** What a queue that is never empty looks like. */
const FULL = 16;

export interface ModelFlight {
  model: string;
  /** ONNX Runtime in this process, run after run without a pause, by number of threads. */
  plain: Record<number, LoopTime>;
  /** Traced, hashed, committed; by jobs in flight. */
  granularities: Record<Granularity, Record<number, LoopTime>>;
}

/** What a job costs an executor that has more of them waiting: throughput. */
export const flight: Section<ModelFlight[]> = {
  name: "flight",
  title: "Jobs in flight",
  about: `Time a job, from the inputs to the commitment, while so many are on their way, ÷ plain ONNX Runtime in a loop without a pause, at the number of threads at which it is fastest. An executor with a queue of jobs is the column of ${FULL}. processor: time of both processes on all cores, ÷ that of plain.`,
  async measure(context) {
    const measured: ModelFlight[] = [];
    for (const subject of context.subjects) {
      context.note(`jobs in flight: ${subject.name}`);
      measured.push(await measureFlight(subject, context));
    }
    return measured;
  },
  tables: (measured) => granularities.map((granularity) => tableOf(measured, granularity)),
};

async function measureFlight(subject: Subject, context: BenchContext): Promise<ModelFlight> {
  return openBench(context.threads, async ({ inference, hasher, plain, children }) => {
    const { program } = await context.bundle(subject, "layer");
    const threads = [...new Set([1, context.threads])];
    const loops: Record<string, Loop> = {};
    for (const count of threads) loops[`plain/${count}`] = { jobs: 1, run: await plain(subject, program, count) };
    for (const granularity of granularities) {
      const loaded = prepareProgram(await context.bundle(subject, granularity), inference, hasher);
      const inputs = await commitTensors(Object.values(seededFeeds(program.inputs)).map(({ bytes }) => bytes), hasher);
      const { traceRoot } = await loaded.execute(inputs);
      const started = performance.now();
      await loaded.execute(inputs);
      const milliseconds = performance.now() - started;
      const job = async (): Promise<void> => {
        if ((await loaded.execute(inputs)).traceRoot !== traceRoot) throw new Error("two executions of one machine differ");
      };
      for (const width of inFlight) loops[`${granularity}/${width}`] = keptFull(width, milliseconds, job);
    }
    const measured = await timeLoops(loops, context.rounds, () => processorTime(children));
    const of = (name: string): LoopTime => measured[name] as LoopTime;
    return {
      model: subject.name,
      plain: Object.fromEntries(threads.map((count) => [count, of(`plain/${count}`)])),
      granularities: Object.fromEntries(granularities.map((granularity) => [granularity, Object.fromEntries(inFlight.map((width) => [width, of(`${granularity}/${width}`)]))])) as ModelFlight["granularities"],
    };
  });
}

/** Does jobs of which `width` are under way at any time: one that is done is followed by the next at once. */
function keptFull(width: number, milliseconds: number, job: () => Promise<void>): Loop {
  // The pauses at the start and at the end must not count, nor may a call of a slow model take for ever.
  const jobs = width * Math.min(8, Math.max(2, Math.ceil(20 / milliseconds / width)));
  return {
    jobs,
    async run() {
      let left = jobs;
      const lane = async (): Promise<void> => {
        while (left > 0) {
          left--;
          await job();
        }
      };
      await Promise.all(Array.from({ length: width }, lane));
    },
  };
}

function tableOf(measured: readonly ModelFlight[], granularity: Granularity): Table {
  const ratios = (one: ModelFlight): number[] => inFlight.map((width) => (one.granularities[granularity][width] as LoopTime).milliseconds.median / best(one));
  const processors = (one: ModelFlight): number => (one.granularities[granularity][FULL] as LoopTime).processor / Math.min(...Object.values(one.plain).map(({ processor }) => processor));
  return {
    caption: `Granularity ${granularity}`,
    header: ["model", "plain ms", ...inFlight.map((width) => `${width} in flight`), "quiet", "processor"],
    rows: [
      ...measured.map((one) => [one.model, best(one).toFixed(3), ...ratios(one).map(times), times(quiet(one, granularity)), times(processors(one))]),
      ["median", "", ...inFlight.map((_, i) => times(median(measured.map((one) => ratios(one)[i] as number)))), times(median(measured.map((one) => quiet(one, granularity)))), times(median(measured.map(processors)))],
    ],
  };
}

function best({ plain }: ModelFlight): number {
  return Math.min(...Object.values(plain).map(({ milliseconds }) => milliseconds.median));
}

/** With a full queue, the ratio of the first deciles: of what both take when nothing else is at work. */
function quiet(one: ModelFlight, granularity: Granularity): number {
  return (one.granularities[granularity][FULL] as LoopTime).milliseconds.low / Math.min(...Object.values(one.plain).map(({ milliseconds }) => milliseconds.low));
}
