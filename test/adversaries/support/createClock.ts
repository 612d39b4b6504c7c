import type { Chain } from "../../../runtime/chain/createChain.ts";

/** Milliseconds of this machine for one second of the chain. */
const TICK_MS = 120;

/** The chain's time in the test's hands: it runs several times as fast as real time, stands still where a scene needs that, and jumps. */
export interface Clock {
  now(): Promise<number>;
  /** Keeps time standing still, but for what `work` does to it. */
  hold<T>(work: () => Promise<T>): Promise<T>;
  /** Holds, and gives the next block this timestamp; `work` sends the transaction that it is for. */
  at<T>(timestamp: number, work: () => Promise<T>): Promise<T>;
  /** Mines a block with this timestamp, unless that is past. */
  passTo(timestamp: number): Promise<void>;
  /** Transactions wait in the pool while `work` runs, until it mines. */
  withPool<T>(work: (mine: () => Promise<void>) => Promise<T>): Promise<T>;
  rpc(method: string, params?: unknown[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Takes over the miner of a development chain. */
export async function createClock(chain: Chain): Promise<Clock> {
  const rpc = (method: string, params: unknown[] = []): Promise<unknown> => (chain.client.request as (call: { method: string; params: unknown[] }) => Promise<unknown>)({ method, params });
  await rpc("evm_setIntervalMining", [0]);
  let holds = 0;
  let stopped = false;
  let ticking: Promise<unknown> = Promise.resolve();
  const now = async (): Promise<number> => (await chain.head()).timestamp;
  const timer = setInterval(() => {
    if (holds > 0 || stopped) return;
    ticking = ticking.then(async () => {
      if (holds > 0 || stopped) return;
      await rpc("evm_increaseTime", [1]);
      await rpc("evm_mine");
    });
    ticking.catch(() => undefined);
  }, TICK_MS);

  const hold: Clock["hold"] = async (work) => {
    holds++;
    try {
      await ticking;
      return await work();
    } finally {
      holds--;
    }
  };

  return {
    now,
    hold,
    rpc,
    at: (timestamp, work) =>
      hold(async () => {
        await rpc("evm_setNextBlockTimestamp", [timestamp]);
        return work();
      }),
    passTo: (timestamp) =>
      hold(async () => {
        if ((await now()) >= timestamp) return;
        await rpc("evm_setNextBlockTimestamp", [timestamp]);
        await rpc("evm_mine");
      }),
    withPool: (work) =>
      hold(async () => {
        await rpc("evm_setAutomine", [false]);
        try {
          return await work(async () => void (await rpc("evm_mine")));
        } finally {
          await rpc("evm_setAutomine", [true]);
          await rpc("evm_mine");
        }
      }),
    async stop() {
      stopped = true;
      clearInterval(timer);
      await ticking.catch(() => undefined);
    },
  };
}
