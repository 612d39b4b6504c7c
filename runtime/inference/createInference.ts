import { GainsayError } from "../../protocol/errors.ts";
import { createInferenceProcess, type InferenceProcess } from "./createInferenceProcess.ts";
import { checkFeeds } from "./checkFeeds.ts";
import { optimizations, providers, type LoadOptions, type Logger, type Optimization, type Provider, type RunOptions, type SessionInfo, type TensorBytes } from "./types.ts";

const DEFAULT_TIMEOUT_MS = 120_000;
const CLOSE_GRACE_MS = 2_000;

export interface InferenceOptions {
  provider: Provider;
  /** Threads inside one operator. */
  threads: number;
  /** Level of rewriting for sessions that do not say otherwise. */
  optimization: Optimization;
  /** Longest time for one load or run in milliseconds; default 120 000. */
  timeoutMs?: number;
}

/** ONNX Runtime in a process of its own. Calls are done one after another, in the order in which they were made. */
export interface Inference {
  readonly provider: Provider;
  /** Starts the process and checks the provider; `load` does so too. */
  start(signal?: AbortSignal): Promise<{ version: string; providers: string[] }>;
  /**
   * Makes a session under `key`, in place of one that has that key. `model` is the graph's bytes, kept until `unload` so that
   * the session can be made again after a crash, or the path of its file.
   * Throws `PROVIDER_UNAVAILABLE`, `MODEL_LOAD_FAILED`, `INFERENCE_CRASHED`, `INFERENCE_TIMEOUT` or `INFERENCE_ABORTED`.
   */
  load(key: string, model: Uint8Array | string, options?: LoadOptions): Promise<SessionInfo>;
  /**
   * Runs the session `key`. Output bytes lie in shared memory, one buffer a tensor.
   * Throws `SESSION_UNKNOWN`, `INPUT_MISMATCH`, `INFERENCE_FAILED` (the graph itself failed), `INFERENCE_CRASHED` (retryable, with
   * the signal), `INFERENCE_TIMEOUT` (retryable), `INFERENCE_ABORTED` or `INFERENCE_STOPPED`.
   */
  run(key: string, inputs: Readonly<Record<string, TensorBytes>>, options?: RunOptions): Promise<Record<string, TensorBytes>>;
  unload(key: string): Promise<void>;
  /** Ends the process; calls that wait or run are rejected with `INFERENCE_STOPPED`. A later call starts anew. */
  stop(): Promise<void>;
}

interface Task {
  signal: AbortSignal | undefined;
  /** Aborts when the task is over, so that no listener stays on a signal that lives longer. */
  settled: AbortController;
  work(process: InferenceProcess): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A session as the daemon remembers it. */
interface Model {
  source: Uint8Array | string;
  options: LoadOptions;
  info?: SessionInfo;
  /** The process that holds it now. */
  holder?: InferenceProcess;
}

/** Makes the inference service; see `Inference`. Throws `INFERENCE_OPTIONS` for options that make no sense. */
export function createInference(options: InferenceOptions, { logger }: { logger: Logger }): Inference {
  checkOptions(options);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const models = new Map<string, Model>();
  const queue: Task[] = [];
  let current: InferenceProcess | undefined;
  let pumping: Promise<void> | undefined;

  const processAlive = async (): Promise<InferenceProcess> => {
    if (current?.alive) return current;
    const fresh = createInferenceProcess(options, { logger });
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

  const perform = async (task: Task): Promise<unknown> => {
    const process = await processAlive();
    if (task.signal?.aborted) throw aborted(task.signal);
    // Native code cannot be interrupted: giving up on a run means ending the process.
    const onAbort = (): void => process.kill(aborted(task.signal));
    const timer = setTimeout(() => process.kill(new GainsayError(`The inference took longer than ${timeoutMs} ms and was ended.`, { code: "INFERENCE_TIMEOUT", retryable: true, details: { timeoutMs } })), timeoutMs);
    task.signal?.addEventListener("abort", onAbort, { once: true, signal: task.settled.signal });
    try {
      return await task.work(process);
    } finally {
      clearTimeout(timer);
    }
  };

  const pump = async (): Promise<void> => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      await perform(task).then(task.resolve, (error: unknown) => task.reject(task.signal?.aborted ? aborted(task.signal) : error));
      task.settled.abort();
    }
    pumping = undefined;
  };

  /** Takes a task that waits out of the queue. */
  const withdraw = (task: Task): void => {
    const at = queue.indexOf(task);
    if (at < 0) return;
    queue.splice(at, 1);
    task.settled.abort();
    task.reject(aborted(task.signal));
  };

  const enqueue = <T>(signal: AbortSignal | undefined, work: (process: InferenceProcess) => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const task: Task = { signal, settled: new AbortController(), work, resolve: resolve as (value: unknown) => void, reject };
      queue.push(task);
      signal?.addEventListener("abort", () => withdraw(task), { once: true, signal: task.settled.signal });
      pumping ??= Promise.resolve().then(pump);
    });

  const loadInto = async (process: InferenceProcess, key: string, model: Model): Promise<SessionInfo> => {
    if (model.holder === process && model.info !== undefined) return model.info;
    const { source, options: load } = model;
    const { reply } = await process.request(
      {
        op: "load",
        key,
        optimization: load.optimization ?? options.optimization,
        ...(typeof source === "string" ? { path: source } : {}),
        ...(load.disabledOptimizers === undefined ? {} : { disabledOptimizers: load.disabledOptimizers }),
        ...(load.saveOptimizedTo === undefined ? {} : { saveOptimizedTo: load.saveOptimizedTo }),
      },
      typeof source === "string" ? [] : [source],
    );
    model.holder = process;
    return (model.info = reply.session as SessionInfo);
  };

  return {
    provider: options.provider,
    start: (signal) =>
      enqueue(signal, async (process) => {
        const { version, providers: available } = await process.ready;
        return { version, providers: available };
      }),
    load: (key, source, load = {}) =>
      enqueue(load.signal, async (process) => {
        const model: Model = { source, options: load };
        const info = await loadInto(process, key, model);
        models.set(key, model);
        return info;
      }),
    run: (key, inputs, { signal } = {}) =>
      enqueue(signal, async (process) => {
        const model = models.get(key);
        if (model === undefined) throw new GainsayError(`No model is loaded under the name ${JSON.stringify(key)}; load it first.`, { code: "SESSION_UNKNOWN", details: { key } });
        const feeds = checkFeeds(await loadInto(process, key, model), inputs);
        const { reply, parts } = await process.request(
          { op: "run", key, inputs: feeds.map(([name, { dtype, shape }]) => ({ name, dtype, shape })) },
          feeds.map(([, { bytes }]) => bytes),
        );
        return Object.fromEntries((reply.outputs ?? []).map(({ name, dtype, shape }, i) => [name, { dtype, shape, bytes: parts[i] as Uint8Array }]));
      }),
    unload: (key) => {
      // Without a process there is no session to release, only what would be loaded again.
      if (pumping === undefined && current?.alive !== true) models.delete(key);
      if (pumping === undefined && !models.has(key)) return Promise.resolve();
      return enqueue(undefined, async (process) => {
        const model = models.get(key);
        models.delete(key);
        if (model?.holder === process) await process.request({ op: "unload", key }, []);
      });
    },
    async stop() {
      const stopped = new GainsayError("Inference has been stopped.", { code: "INFERENCE_STOPPED" });
      for (const task of queue.splice(0)) {
        task.settled.abort();
        task.reject(stopped);
      }
      const last = current;
      current = undefined;
      if (pumping !== undefined) last?.kill(stopped);
      await last?.close(CLOSE_GRACE_MS);
      await pumping;
    },
  };
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
