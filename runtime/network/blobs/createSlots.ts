import { deferred } from "../deferred.ts";

/** Limits how many operations of one key run at a time; the others wait for their turn. */
export interface Slots {
  /** Runs the work when a slot of its key is free. A fired signal ends the waiting with its reason. */
  run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** @param size slots a key. */
export function createSlots(size: number): Slots {
  const keys = new Map<string, { running: number; waiting: Set<() => void> }>();

  async function enter(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const slot = keys.get(key) ?? { running: 0, waiting: new Set() };
    keys.set(key, slot);
    if (slot.running < size) {
      slot.running += 1;
      return;
    }
    const { promise, resolve, reject } = deferred<void>();
    const onAbort = () => {
      slot.waiting.delete(resolve);
      reject(signal?.reason);
    };
    slot.waiting.add(resolve);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  function leave(key: string): void {
    const slot = keys.get(key);
    if (slot === undefined) return;
    const [next] = slot.waiting;
    if (next !== undefined) {
      // The slot passes on as it is: nobody can slip in between.
      slot.waiting.delete(next);
      next();
      return;
    }
    slot.running -= 1;
    if (slot.running === 0) keys.delete(key);
  }

  return {
    async run(key, work, signal) {
      await enter(key, signal);
      try {
        return await work();
      } finally {
        leave(key);
      }
    },
  };
}
