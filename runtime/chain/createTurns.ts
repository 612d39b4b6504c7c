/** When a call must be on chain, unix seconds; a function where that may change while it waits. */
export type Deadline = number | undefined | (() => number | undefined);

/** Takes work one after another: at each turn the one whose deadline is the earliest, then what has none, and among equals the first that came. */
export interface Turns {
  take<T>(deadline: Deadline, work: () => Promise<T>): Promise<T>;
}

interface Waiting {
  deadline: Deadline;
  /** How many that came later went first. */
  passedBy: number;
  begin(): Promise<void>;
}

/** After so many that went before it, whoever has waited longest has the turn: what has no deadline must come to an end too. */
const MAX_PASSED_BY = 16;

export function createTurns(): Turns {
  const waiting: Waiting[] = [];
  let isBusy = false;

  const next = (): Waiting | undefined => {
    let chosen = 0;
    if ((waiting[0]?.passedBy ?? 0) < MAX_PASSED_BY) {
      const times = waiting.map(({ deadline }) => (typeof deadline === "function" ? deadline() : deadline) ?? Infinity);
      for (const [i, time] of times.entries()) if (time < (times[chosen] as number)) chosen = i;
    }
    for (let i = 0; i < chosen; i++) (waiting[i] as Waiting).passedBy++;
    return waiting.splice(chosen, 1)[0];
  };
  const run = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    // Those that ask in the same turn of the event loop are weighed against each other.
    await Promise.resolve();
    for (let one = next(); one !== undefined; one = next()) await one.begin();
    isBusy = false;
  };

  return {
    take: (deadline, work) =>
      new Promise((resolve, reject) => {
        const begin = async (): Promise<void> => {
          try {
            resolve(await work());
          } catch (error) {
            reject(error);
          }
        };
        waiting.push({ deadline, passedBy: 0, begin });
        void run();
      }),
  };
}
