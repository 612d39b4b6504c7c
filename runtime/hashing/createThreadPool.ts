import { Worker } from "node:worker_threads";
import { GainsayError } from "../../protocol/errors.ts";
import { compiledEnvironment } from "../inference/compiledEnvironment.ts";
import type { LeafAnswer, LeafTask } from "./leafWorker.ts";

/** A task made only when a thread takes it, so that no more than a few parts a thread are copied at a time. */
interface Waiting {
  make(): LeafTask;
  resolve(): void;
  reject(error: GainsayError): void;
}

interface Thread {
  worker: Worker;
  online: boolean;
  /** What it has to do, the present task first. */
  tasks: Waiting[];
}

/** Tasks that a thread has at a time: with the next one at hand, it need not wait until this thread looks at its answer. */
const TASKS = 2;

/** Threads that run `leafWorker.ts`, up to `size` of them, each started when it is first needed: small models never need one. A thread that dies is replaced, and its task fails with `HASHER_CRASHED`. */
export function createThreadPool(size: number) {
  const threads: Thread[] = [];
  const queue: Waiting[] = [];
  let running = false;
  let cold = 0;

  const dispatch = (): void => {
    if (queue.length > 0 && threads.length < size && threads.every(({ tasks }) => tasks.length > 0)) addThread();
    for (let deep = 0; deep < TASKS; deep++) {
      for (const { tasks, worker } of threads) {
        if (tasks.length > deep) continue;
        const waiting = queue.shift();
        if (waiting === undefined) return;
        tasks.push(waiting);
        worker.ref();
        worker.postMessage(waiting.make());
      }
    }
  };

  const addThread = (): void => {
    const worker = new Worker(new URL("./leafWorker.ts", import.meta.url), { execArgv: [], env: compiledEnvironment() });
    const thread: Thread = { worker, online: false, tasks: [] };
    worker.on("online", () => void (thread.online = true));
    const lost = (cause: unknown): void => {
      const at = threads.indexOf(thread);
      if (at < 0) return;
      threads.splice(at, 1);
      for (const task of thread.tasks) task.reject(new GainsayError("A hashing thread ended before its work was done.", { code: "HASHER_CRASHED", retryable: true, cause }));
      // A thread that dies without work would die again; the rest of the pool goes on.
      if (running && thread.tasks.length > 0) addThread();
      else if (threads.length === 0) for (const waiting of queue.splice(0)) waiting.reject(new GainsayError("The hashing threads cannot be started.", { code: "HASHER_CRASHED", cause }));
    };
    worker.on("message", (answer: LeafAnswer) => {
      const done = thread.tasks.shift();
      if (thread.tasks.length === 0) worker.unref();
      if (answer.error === undefined) done?.resolve();
      else done?.reject(hasherFailed(answer.error));
      dispatch();
    });
    worker.on("error", lost);
    worker.on("exit", (code) => lost(new Error(`exit code ${code}`)));
    // An idle pool must not keep the process alive.
    worker.unref();
    threads.push(thread);
    dispatch();
  };

  return {
    start(): void {
      running = true;
    },
    async stop(): Promise<void> {
      running = false;
      for (const waiting of queue.splice(0)) waiting.reject(stopped());
      const ended = threads.splice(0);
      for (const { tasks } of ended) for (const task of tasks) task.reject(stopped());
      await Promise.all(ended.map(({ worker }) => worker.terminate()));
    },
    /** Whether a task had to wait for a thread to start; if so, has one started from the second time on: many a start hashes only once, and needs its cores for something else. */
    cold(): boolean {
      if (running && threads.length === 0 && ++cold > 1) addThread();
      return running && !threads.some(({ online }) => online);
    },
    /** Does one task; rejects with `HASHER_STOPPED` if the pool is not running. */
    submit(make: () => LeafTask): Promise<void> {
      return new Promise((resolve, reject) => {
        if (!running) return reject(stopped());
        queue.push({ make, resolve, reject });
        dispatch();
      });
    },
  };
}

/** Why bytes could not be hashed. */
export function hasherFailed(reason: string, cause?: unknown): GainsayError {
  return new GainsayError(`The outputs could not be hashed, and have to be made again: ${reason}`, { code: "HASHER_FAILED", retryable: true, cause });
}

function stopped(): GainsayError {
  return new GainsayError("The hasher is not running; start it first.", { code: "HASHER_STOPPED" });
}
