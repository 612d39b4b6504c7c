import { GainsayError } from "../../protocol/errors.ts";
import { createInferenceProcess, type InferenceProcess, type Settle } from "./createInferenceProcess.ts";
import { createSessions, type Inputs } from "./createSessions.ts";
import { openSpool, type Spool } from "./createSpool.ts";
import type { HeldRun } from "./heldRun.ts";
import { optimizations, providers, type LoadOptions, type Logger, type ModelFile, type Optimization, type Provider, type RunOptions, type SessionInfo, type TensorBytes } from "./types.ts";

const DEFAULT_TIMEOUT_MS = 120_000;
const CLOSE_GRACE_MS = 2_000;

/**
 * What may be in the pipe together: runs that are over soon. The process then finds the next one when it is done with one, and whoever is called off
 * costs nobody more than these milliseconds.
 */
const PIPE = { tasks: 64, milliseconds: 50, bytes: 8 * 1024 * 1024 };

/**
 * Milliseconds of runs behind the one that is at work: with fewer the pipe is filled up, until there are more than the latter. Each wake-up of the process costs as
 * much as a tiny run, so it is woken for several of them.
 */
const FILL = { below: 0.25, upTo: 1 };

export interface InferenceOptions {
  provider: Provider;
  /** Threads inside one operator. */
  threads: number;
  /** Level of rewriting for sessions that do not say otherwise. */
  optimization: Optimization;
  /** Longest time for one load or run in milliseconds; default 120 000. */
  timeoutMs?: number;
}

/**
 * ONNX Runtime in a process of its own. Calls are done one after another, in the order in which they were made; short runs are handed over before the ones
 * before them are done.
 */
export interface Inference {
  readonly provider: Provider;
  /** Threads inside one operator. */
  readonly threads: number;
  /** Starts the process and checks the provider; `load` does so too. */
  start(signal?: AbortSignal): Promise<{ version: string; providers: string[] }>;
  /**
   * Makes a session under `key`, in place of one that has that key. `model` is the graph's bytes, kept until `unload` so that
   * the session can be made again after a crash, or its file, of which nothing is kept in memory.
   * Throws what the file's check throws, `PROVIDER_UNAVAILABLE`, `MODEL_LOAD_FAILED`, `INFERENCE_CRASHED`, `INFERENCE_TIMEOUT` or `INFERENCE_ABORTED`.
   */
  load(key: string, model: Uint8Array | string | ModelFile, options?: LoadOptions): Promise<SessionInfo>;
  /**
   * Runs the session `key`. Output bytes lie side by side in one buffer, which is shared memory if there are many of them.
   * Throws `SESSION_UNKNOWN`, `INPUT_MISMATCH`, `INFERENCE_FAILED` (the graph itself failed), `INFERENCE_CRASHED` (retryable, with
   * the signal), `INFERENCE_TIMEOUT` (retryable), `INFERENCE_ABORTED` or `INFERENCE_STOPPED`.
   */
  run(key: string, inputs: Inputs, options?: RunOptions): Promise<Record<string, TensorBytes>>;
  /**
   * The same for outputs that are going to be committed to: the process hashes as many of them as it has time for, and their bytes stay where it has put them until
   * somebody reads them, or releases them.
   */
  hold(key: string, inputs: Inputs, options?: RunOptions): Promise<HeldRun>;
  /**
   * Gives the session `key`, whose shapes are fixed, the graph of `batchGraph` for it: up to `most` of its jobs that wait at the same time are then done in one run, for as long as their results are those of
   * jobs done one by one. Throws what `load` throws, and `SESSION_UNKNOWN`.
   */
  batch(key: string, model: Uint8Array | string | ModelFile, most: number): Promise<void>;
  unload(key: string): Promise<void>;
  /** Milliseconds that the last run of `key` took in ONNX Runtime itself, a share of it if it did several jobs; undefined if there was none. */
  took(key: string): number | undefined;
  /** Ends the process; calls that wait or run are rejected with `INFERENCE_STOPPED`. A later call starts anew. */
  stop(): Promise<void>;
}

interface Light {
  milliseconds: number;
  bytes: number;
  /** How many like it the process does in one run. */
  together: number;
}

interface Task extends Settle<unknown> {
  /** Place in the order in which calls were made. */
  order: number;
  signal: AbortSignal | undefined;
  /** What it will probably take and what it sends, if it may share the pipe with others; it shares it with nobody otherwise. */
  light(): Light | undefined;
  /** What is reckoned for it while it is in the pipe. */
  milliseconds: number;
  /** It was in the pipe with others when the process ended: which of them ended it shows when each is alone. */
  suspect: boolean;
  work(process: InferenceProcess, settle: Settle<never>): void;
  /** Takes the listener off the signal. */
  settle(): void;
  /** Called off while it was in the pipe with others: nobody waits for its answer. */
  abandoned: boolean;
  /** Gives up an answer that nobody waits for. */
  drop(value: unknown): void;
}

/** Makes the inference service; see `Inference`. Throws `INFERENCE_OPTIONS` for options that make no sense. */
export function createInference(options: InferenceOptions, { logger }: { logger: Logger }): Inference {
  checkOptions(options);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const queue: Task[] = [];
  /** Tasks that the process has or gets, oldest first. */
  const pipe: Task[] = [];
  const piped = { milliseconds: 0, bytes: 0 };
  let current: InferenceProcess | undefined;
  let spool: Spool | undefined;
  const sessions = createSessions(options, () => spool);
  let starting = false;
  let filling = true;
  let calls = 0;
  let idle = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  /** Why nothing is tried again at the moment. */
  let stopping: GainsayError | undefined;

  const startProcess = async (): Promise<InferenceProcess> => {
    spool ??= openSpool();
    const fresh = createInferenceProcess({ ...options, spool }, { logger });
    current = fresh;
    const { version, providers: available } = await fresh.ready;
    if (!available.includes(options.provider)) {
      await fresh.close(CLOSE_GRACE_MS);
      throw new GainsayError(`The provider ${options.provider} is not part of the installed onnxruntime-node ${version}; it has: ${available.join(", ")}.`, {
        code: "PROVIDER_UNAVAILABLE",
        kind: "usage",
        details: { provider: options.provider, available, version },
      });
    }
    logger.debug({ pid: fresh.pid, version, provider: options.provider }, "inference process started");
    return fresh;
  };

  /** Whether the task may go into the pipe behind what is there. Whatever is there already must be as short. */
  const mayJoin = (task: Task): boolean => {
    if (pipe.length === 0) return true;
    // A suspect comes into an empty pipe only.
    if (task.suspect || pipe.length >= PIPE.tasks || pipe[0]?.suspect === true) return false;
    const behind = piped.milliseconds - (pipe[0]?.milliseconds ?? 0);
    if (behind <= FILL.below) filling = true;
    else if (behind > FILL.upTo) filling = false;
    const light = task.light();
    // While those of one run are on their way back, those of the next are at work.
    return light !== undefined && (filling || pipe.length < 2 * light.together) && piped.milliseconds + light.milliseconds <= PIPE.milliseconds && piped.bytes + light.bytes <= PIPE.bytes;
  };

  /** The time limit is for the oldest task in the pipe; the others wait. */
  const watch = (): void => {
    if (pipe.length === 0) timer = void clearTimeout(timer);
    else if (timer !== undefined) timer.refresh();
    else timer = setTimeout(() => current?.kill(new GainsayError(`The inference took longer than ${timeoutMs} ms and was ended.`, { code: "INFERENCE_TIMEOUT", retryable: true, details: { timeoutMs } })), timeoutMs);
  };

  const send = (task: Task, process: InferenceProcess): void => {
    // What cannot share the pipe fills it.
    const { milliseconds, bytes } = task.light() ?? { milliseconds: Number.MAX_VALUE, bytes: 0 };
    task.milliseconds = milliseconds;
    if (pipe.push(task) === 1) Object.assign(piped, { milliseconds: 0, bytes: 0 }), watch();
    piped.milliseconds += milliseconds;
    piped.bytes += bytes;
    const done = (settle: () => void): void => {
      if (pipe[0] === task) pipe.shift();
      else pipe.splice(pipe.indexOf(task), 1);
      piped.milliseconds -= milliseconds;
      piped.bytes -= bytes;
      watch();
      settle();
      pump();
    };
    task.work(process, {
      resolve: (value: unknown) => done(() => (task.abandoned ? task.drop(value) : finish(task, () => task.resolve(value)))),
      reject: (error) => done(() => (process.lost > 1 && !process.alive && isLoss(error) ? retry(task) : finish(task, () => task.reject(task.signal?.aborted ? aborted(task.signal) : error)))),
    });
  };

  const finish = (task: Task, settle: () => void): void => {
    task.settle();
    if (!task.abandoned) settle();
  };

  /** Puts a task that was lost in company back where it was in the order. */
  const retry = (task: Task): void => {
    if (task.abandoned) return;
    if (stopping !== undefined) return finish(task, () => task.reject(stopping));
    task.suspect = true;
    const behind = queue.findIndex(({ order }) => order > task.order);
    queue.splice(behind < 0 ? queue.length : behind, 0, task);
  };

  const pump = (): void => {
    while (!starting) {
      const [task] = queue;
      if (task === undefined) {
        if (pipe.length === 0) idle.resolve(), (idle = Promise.withResolvers());
        return;
      }
      if (current?.alive !== true) {
        // A process that has ended answers for what it had first.
        if (pipe.length > 0) return;
        starting = true;
        startProcess()
          .catch((error: unknown) => void queue.splice(queue.indexOf(task), queue.includes(task) ? 1 : 0).forEach((one) => finish(one, () => one.reject(error))))
          .finally(() => {
            starting = false;
            pump();
          });
        return;
      }
      if (!mayJoin(task)) return;
      queue.shift();
      send(task, current);
    }
  };

  /** Calls a task off: one that waits at no cost, one that runs by ending the process, since native code cannot be interrupted. */
  const callOff = (task: Task): void => {
    const at = queue.indexOf(task);
    if (at >= 0) {
      queue.splice(at, 1);
      finish(task, () => task.reject(aborted(task.signal)));
    } else if (pipe.length === 1) current?.kill(aborted(task.signal));
    else {
      // It is short, and so is what shares the pipe with it: let it run, and forget the answer.
      finish(task, () => task.reject(aborted(task.signal)));
      task.abandoned = true;
    }
  };

  const enqueue = <T>(signal: AbortSignal | undefined, work: (process: InferenceProcess, settle: Settle<T>) => void, light: Task["light"] = () => undefined, drop: (value: T) => void = () => undefined): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const onAbort = (): void => callOff(task);
      const task: Task = { order: calls++, signal, light, milliseconds: 0, suspect: false, work: work as Task["work"], resolve: resolve as (value: unknown) => void, reject, settle: () => signal?.removeEventListener("abort", onAbort), abandoned: false, drop: drop as Task["drop"] };
      signal?.addEventListener("abort", onAbort, { once: true });
      queue.push(task);
      pump();
    });

  /** The same for work with promises, which has the pipe to itself. */
  const enqueueAlone = <T>(signal: AbortSignal | undefined, work: (process: InferenceProcess) => Promise<T>): Promise<T> => enqueue(signal, (process, { resolve, reject }) => void work(process).then(resolve, reject));

  const lightness = (key: string, inputs: Inputs): Task["light"] => {
    let bytes = 0;
    for (const name in inputs) bytes += inputs[name]?.bytes.length ?? 0;
    return () => {
      const milliseconds = sessions.heldBy(key, current) ? sessions.took(key) : undefined;
      return milliseconds === undefined ? undefined : { milliseconds, bytes, together: sessions.together(key) };
    };
  };

  return {
    provider: options.provider,
    threads: options.threads,
    start: (signal) =>
      enqueueAlone(signal, async (process) => {
        const { version, providers: available } = await process.ready;
        return { version, providers: available };
      }),
    load: (key, source, load = {}) => enqueueAlone(load.signal, (process) => sessions.load(process, key, source, load)),
    run: (key, inputs, { signal } = {}) => enqueue(signal, (process, settle) => sessions.run(process, key, inputs, settle), lightness(key, inputs)),
    hold: (key, inputs, { signal } = {}) => enqueue(signal, (process, settle) => sessions.hold(process, key, inputs, settle), lightness(key, inputs), ({ release }) => release()),
    batch: (key, source, most) => enqueueAlone(undefined, (process) => sessions.batch(process, key, source, most)),
    unload: (key) => {
      // Without a process there is no session to release, only what would be loaded again.
      const waits = pipe.length > 0 || queue.length > 0;
      if (!waits && current?.alive !== true) sessions.forget(key);
      if (!waits && !sessions.has(key)) return Promise.resolve();
      return enqueueAlone(undefined, (process) => sessions.unload(process, key));
    },
    took: sessions.took,
    async stop() {
      const stopped = (stopping = new GainsayError("Inference has been stopped.", { code: "INFERENCE_STOPPED" }));
      for (const task of queue.splice(0)) finish(task, () => task.reject(stopped));
      const [last, unused] = [current, spool];
      // A call that is made meanwhile gets others.
      current = spool = undefined;
      const busy = pipe.length > 0;
      const over = idle.promise;
      if (busy) last?.kill(stopped);
      await last?.close(CLOSE_GRACE_MS);
      if (busy) await over;
      unused?.close();
      stopping = undefined;
    },
  };
}

/** Whether the process ended, and not because somebody wanted it to. */
function isLoss(error: unknown): boolean {
  return error instanceof GainsayError && error.code !== "INFERENCE_STOPPED";
}

function aborted(signal: AbortSignal | undefined): GainsayError {
  return new GainsayError("The inference was called off.", { code: "INFERENCE_ABORTED", cause: signal?.reason });
}

function checkOptions({ provider, threads, optimization, timeoutMs }: InferenceOptions): void {
  const wrong = (message: string): never => {
    throw new GainsayError(message, { code: "INFERENCE_OPTIONS", kind: "usage", details: { provider, threads, optimization, timeoutMs } });
  };
  if (!providers.includes(provider)) wrong(`There is no provider ${JSON.stringify(provider)}; choose one of ${providers.join(", ")}.`);
  if (!optimizations.includes(optimization)) wrong(`There is no optimization level ${JSON.stringify(optimization)}; choose one of ${optimizations.join(", ")}.`);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) wrong("The number of inference threads must be a whole number from 1 to 1024.");
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs < 2 ** 31)) wrong("The time limit of an inference must be a positive number of milliseconds below 2147483648.");
}
