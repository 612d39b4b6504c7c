import { spreadOf, type Spread } from "./spread.ts";

export type Stage = () => Promise<unknown>;

/** Rounds that are thrown away: caches fill, and code is compiled. */
const WARM_UP = 2;

/**
 * Milliseconds of each stage. They take turns, round by round, so that whatever else the machine does hits all of them alike. `per` is by how much to
 * divide, where a stage does several things at once.
 */
export async function timeStages<Name extends string>(stages: Readonly<Record<Name, Stage>>, rounds: number, per: Partial<Readonly<Record<Name, number>>> = {}): Promise<Record<Name, Spread>> {
  const names = Object.keys(stages) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const name of names) {
      const started = performance.now();
      await stages[name]();
      if (round >= 0) times.get(name)?.push((performance.now() - started) / (per[name] ?? 1));
    }
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(times.get(name) ?? [])])) as Record<Name, Spread>;
}
