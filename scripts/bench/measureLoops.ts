import type { Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import { commitTensors } from "../../runtime/inference/commitTrace.ts";
import { prepareProgram } from "../../runtime/programs/prepareProgram.ts";
import { openBench } from "./openBench.ts";
import { processorTime } from "./processorTime.ts";
import type { BenchContext } from "./section.ts";
import { seededFeeds } from "./seededBytes.ts";
import type { Subject } from "./subjects.ts";
import { timeLoops, type Loop, type LoopTime } from "./timeLoops.ts";

/** Milliseconds for which a lane is kept full at a time, about. */
const LAP_MS = 20;

export interface LoopsWanted {
  /** Threads of the executor, and all those at which plain ONNX Runtime is measured. */
  threads: number;
  plainThreads: readonly number[];
  granularities: readonly Granularity[];
  /** Jobs in flight. */
  widths: readonly number[];
}

export interface Lanes {
  model: string;
  /** ONNX Runtime in this process, run after run without a pause, by number of threads. */
  plain: Record<number, LoopTime>;
  /** Traced, hashed, committed; by granularity and jobs in flight, as `block/16`. */
  lanes: Record<string, LoopTime>;
}

/** Times whole jobs of one model in steady state beside plain ONNX Runtime. */
export async function measureLoops(subject: Subject, context: Pick<BenchContext, "bundle" | "rounds">, { threads, plainThreads, granularities, widths }: LoopsWanted): Promise<Lanes> {
  return openBench(threads, async ({ inference, hasher, plain, children }) => {
    const loops: Record<string, Loop> = {};
    for (const granularity of granularities) {
      const bundle = await context.bundle(subject, granularity);
      if (Object.keys(loops).length === 0) for (const count of plainThreads) loops[`plain/${count}`] = { jobs: 1, run: await plain(subject, bundle.program, count) };
      const loaded = prepareProgram(bundle, inference, hasher);
      // Inputs are hashed where a job comes in, and not again by the run.
      const inputs = await commitTensors(Object.values(seededFeeds(bundle.program.inputs)).map(({ bytes }) => bytes), hasher);
      const { traceRoot } = await loaded.execute(inputs);
      const job = async (): Promise<void> => {
        const trace = await loaded.execute(inputs);
        if (trace.traceRoot !== traceRoot) throw new Error("two executions of one machine differ");
        trace.release?.();
      };
      for (const width of widths) loops[`${granularity}/${width}`] = await laneOf(width, job);
    }
    const measured = await timeLoops(loops, context.rounds, () => processorTime(children));
    const isPlain = (name: string): boolean => name.startsWith("plain/");
    return {
      model: subject.name,
      plain: Object.fromEntries(Object.entries(measured).flatMap(([name, time]) => (isPlain(name) ? [[name.slice("plain/".length), time]] : []))),
      lanes: Object.fromEntries(Object.entries(measured).filter(([name]) => !isPlain(name))),
    };
  });
}

/** A lane of so many jobs, whose laps are long beside their start and end, in which it is not full: by what a job takes in company, not alone. */
export async function laneOf(width: number, job: () => Promise<void>): Promise<Loop> {
  const trial = keptFull(width, LAP_MS / width, job);
  await trial.run();
  const started = performance.now();
  await trial.run();
  return keptFull(width, (performance.now() - started) / trial.jobs, job);
}

/** Does jobs of which `width` are under way at any time: one that is done is followed by the next at once. */
export function keptFull(width: number, milliseconds: number, job: () => Promise<void>): Loop {
  // The pauses at the start and at the end must not count, nor may one call of a slow model take for ever.
  const jobs = width * Math.max(2, Math.ceil(LAP_MS / milliseconds / width));
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
