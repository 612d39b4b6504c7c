import { spreadOf, type Spread } from "./spread.ts";

export type Stage = () => Promise<unknown>;

/** Rounds that are thrown away: caches fill. */
const WARM_UP = 2;
/** Milliseconds for which each stage runs before: its code is compiled then, as in a daemon that has been up for a while. */
const WARM_UP_MS = 200;

/** Milliseconds of each stage. They take turns, round by round, so that whatever else the machine does hits all of them alike. */
export async function timeStages<Name extends string>(stages: Readonly<Record<Name, Stage>>, rounds: number): Promise<Record<Name, Spread>> {
  const names = Object.keys(stages) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (const name of names) for (const until = performance.now() + WARM_UP_MS; performance.now() < until; ) await stages[name]();
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of names) {
      const started = performance.now();
      await stages[name]();
      if (round >= 0) times.get(name)?.push(performance.now() - started);
    }
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(times.get(name) ?? [])])) as Record<Name, Spread>;
}
