import { spreadOf, type Spread } from "./spread.ts";

/** A stage that does several jobs at once, or one after another without a pause. */
export interface Loop {
  /** Jobs of one call. */
  jobs: number;
  run(): Promise<unknown>;
}

export interface LoopTime {
  /** Milliseconds a job. */
  milliseconds: Spread;
  /** Milliseconds of processor time a job, of this process and its children that `processorTime` knows. */
  processor: number;
}

/** Longest time of one stage in one round, in milliseconds, so that slow models do not take the whole evening. */
const SLICE_MS = 40;

/** How long each loop is run before the first round: code is made fast by those who run it for long, a daemon's within some seconds. */
const WARM_MS = 1_000;

/**
 * Times loops in turn, round by round; each runs for a slice of time without a pause before it is the next one's turn, so that what is measured is the steady state
 * and not how a stage starts with cold caches or slow code. `processorTime` gives the milliseconds of processor time that have been used so far.
 */
export async function timeLoops<Name extends string>(loops: Readonly<Record<Name, Loop>>, rounds: number, processorTime: () => number): Promise<Record<Name, LoopTime>> {
  const names = Object.keys(loops) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  const used = new Map<Name, { processor: number; jobs: number }>(names.map((name) => [name, { processor: 0, jobs: 0 }]));
  for (const name of names) for (const until = performance.now() + WARM_MS; performance.now() < until; ) await loops[name].run();
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const { jobs, run } = loops[name];
      const before = processorTime();
      const started = performance.now();
      let done = 0;
      let elapsed = 0;
      while (elapsed < SLICE_MS) {
        await run();
        done += jobs;
        elapsed = performance.now() - started;
      }
      times.get(name)?.push(elapsed / done);
      const sum = used.get(name) as { processor: number; jobs: number };
      sum.processor += processorTime() - before;
      sum.jobs += done;
    }
  }
  return Object.fromEntries(names.map((name) => [name, { milliseconds: spreadOf(times.get(name) ?? []), processor: (used.get(name)?.processor ?? 0) / (used.get(name)?.jobs ?? 1) }])) as Record<Name, LoopTime>;
}
