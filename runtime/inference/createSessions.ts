import { GainsayError } from "../../protocol/errors.ts";
import { checkFeeds } from "./checkFeeds.ts";
import type { Answer, InferenceProcess, Settle } from "./createInferenceProcess.ts";
import type { Region, Spool } from "./createSpool.ts";
import { readHashed } from "./hashedOutputs.ts";
import { createBusyness } from "./hashShare.ts";
import { arrivedTensor, SpooledTensor, type HeldRun, type HeldTensor } from "./heldRun.ts";
import { writeTerms } from "./holdTerms.ts";
import type { Request } from "./inferenceChild.ts";
import type { Output } from "./nativeSession.ts";
import { layoutOf, type Layout } from "./outputLayout.ts";
import { sendInputs } from "./placedInputs.ts";
import type { LoadOptions, ModelFile, Optimization, SessionInfo, TensorBytes } from "./types.ts";

/** Bytes of outputs from which on they go into the spool; fewer come with the answer for less. */
const SPOOLED_BYTES = 4 * 1024;

/** Processes after the first into which the graph for several jobs is loaded. */
const BATCH_RELOADS = 2;

export type Inputs = Readonly<Record<string, TensorBytes>>;

/** The sessions that the daemon wants, which are made again in each new inference process. */
export interface Sessions {
  /** Makes a session in the process, and remembers it once that has succeeded. */
  load(process: InferenceProcess, key: string, source: Model["source"], options: LoadOptions): Promise<SessionInfo>;
  /** Adds to a session, whose shapes are fixed, the graph that does up to `most` of its jobs in one run, and remembers that once it has succeeded. */
  batch(process: InferenceProcess, key: string, source: Model["source"], most: number): Promise<void>;
  run(process: InferenceProcess, key: string, inputs: Inputs, settle: Settle<Record<string, TensorBytes>>): void;
  hold(process: InferenceProcess, key: string, inputs: Inputs, settle: Settle<HeldRun>): void;
  unload(process: InferenceProcess, key: string): Promise<void>;
  has(key: string): boolean;
  /** Forgets a session that no process holds. */
  forget(key: string): void;
  heldBy(key: string, process: InferenceProcess | undefined): boolean;
  /** How many of its jobs are done in one run, at most. */
  together(key: string): number;
  /** Milliseconds that the last run took; undefined if there was none. */
  took(key: string): number | undefined;
}

type Run = Extract<Request, { op: "run" }>;

/** A request for inputs in the message, and for such in the spool. */
function bothWays(run: Run): { sent: Run; placed: Run } {
  return { sent: run, placed: { ...run, placed: true } };
}

/** The request for a run; with `region` its inputs lie there. */
function requestOf({ fixed }: Model, key: string, what: "run" | "hold", feeds: readonly TensorBytes[], region: Region | undefined): Run {
  const known = fixed?.[what] ?? bothWays({ op: "run", key, shapes: feeds.map(({ shape }) => shape), ...(what === "hold" ? { commit: true } : {}) });
  return region === undefined ? known.sent : known.placed;
}

/** Gives up a region once the answer is there. */
function releasing(region: Region | undefined, { resolve, reject }: Settle<Answer>): Settle<Answer> {
  if (region === undefined) return { resolve, reject };
  return {
    resolve(answer) {
      region.release();
      resolve(answer);
    },
    reject(error) {
      region.release();
      reject(error);
    },
  };
}

/** A session as the daemon remembers it. */
interface Model {
  source: Uint8Array | string | ModelFile;
  options: LoadOptions;
  /** Names of its outputs. */
  names?: readonly string[];
  /** The graph that does several of its jobs in one run, how many at most, and how often it was loaded again since a process ended. */
  batch?: { source: Model["source"]; most: number; reloads: number };
  info?: SessionInfo;
  /** The requests for a run, if the session fixes the shapes of its inputs: always the same objects, which are encoded once. */
  fixed?: Record<"run" | "hold", { sent: Run; placed: Run }>;
  /** Where its outputs lie in the spool, if they are enough to be worth it. */
  layout?: Layout | undefined;
  /** The process that holds it now. */
  holder?: InferenceProcess;
  /** How long its last run took, in milliseconds. */
  took?: number;
}

/** Makes the list of sessions, empty; `spool` gives the spool that the present process has, if any. */
export function createSessions({ optimization }: { optimization: Optimization }, spool: () => Spool | undefined): Sessions {
  const models = new Map<string, Model>();
  const busyness = createBusyness();

  /** Has a graph loaded, by its path if it is a file, and the file checked meanwhile. */
  const requestLoad = async (process: InferenceProcess, key: string, source: Model["source"], request: (path: { path?: string }) => Request): Promise<Answer> => {
    const file = source instanceof Uint8Array ? undefined : typeof source === "string" ? { path: source } : source;
    // A session of a file that turns out to be damaged is never run, and whatever the library says about it then is of no interest.
    const [loaded, checked] = await Promise.allSettled([
      process.request(request(file === undefined ? {} : { path: file.path }), source instanceof Uint8Array ? [source] : []),
      file !== undefined && "check" in file ? file.check() : undefined,
    ]);
    if (checked.status === "rejected") {
      if (loaded.status === "fulfilled") await process.request({ op: "unload", key }, []);
      throw checked.reason;
    }
    if (loaded.status === "rejected") throw loaded.reason;
    return loaded.value;
  };

  /** If that fails the session is made again, for one job at a time. */
  const batchInto = async (process: InferenceProcess, key: string, model: Model, { source, most, reloads }: NonNullable<Model["batch"]>): Promise<void> => {
    delete model.batch;
    delete model.holder;
    await requestLoad(process, key, source, (path) => ({ op: "batch", key, most, optimization: model.options.optimization ?? optimization, ...path }));
    model.batch = { source, most, reloads };
    model.holder = process;
  };

  const loadInto = async (process: InferenceProcess, key: string, model: Model): Promise<SessionInfo> => {
    const { source, options: load, batch } = model;
    const { reply } = await requestLoad(process, key, source, (path) => ({
      op: "load",
      key,
      optimization: load.optimization ?? optimization,
      ...path,
      ...(load.disabledOptimizers === undefined ? {} : { disabledOptimizers: load.disabledOptimizers }),
      ...(load.saveOptimizedTo === undefined ? {} : { saveOptimizedTo: load.saveOptimizedTo }),
    }));
    const info = (model.info = reply.session as SessionInfo);
    model.names = info.outputs.map(({ name }) => name);
    model.holder = process;
    const layout = layoutOf(info);
    model.layout = layout !== undefined && layout.bytes >= SPOOLED_BYTES ? layout : undefined;
    if (info.inputs.every(({ shape }) => shape.every((size) => typeof size === "number"))) model.fixed = { run: bothWays({ op: "run", key }), hold: bothWays({ op: "run", key, commit: true }) };
    // It may be what ends the process.
    if (batch !== undefined && batch.reloads < BATCH_RELOADS) await batchInto(process, key, model, { ...batch, reloads: batch.reloads + 1 });
    return info;
  };

  /** Runs with the session in this process, which may have to be made again first. */
  const withSession = (process: InferenceProcess, key: string, inputs: Inputs, reject: Settle<never>["reject"], run: (model: Model, info: SessionInfo, feeds: TensorBytes[]) => void): void => {
    const model = models.get(key);
    if (model?.info === undefined) return queueMicrotask(() => reject(new GainsayError(`No model is loaded under the name ${JSON.stringify(key)}; load it first.`, { code: "SESSION_UNKNOWN", details: { key } })));
    const { info } = model;
    if (model.holder !== process) return void loadInto(process, key, model).then(() => withSession(process, key, inputs, reject, run), reject);
    try {
      run(model, info, checkFeeds(info, inputs));
    } catch (error) {
      queueMicrotask(() => reject(error));
    }
  };

  const arrived = (model: Model, info: SessionInfo, { reply: { microseconds = 0, outputs = info.outputs as readonly Output[] }, parts }: Answer): [string, TensorBytes][] => {
    model.took = microseconds / 1000;
    return outputs.map(({ name, dtype, shape }, i) => [name, { dtype, shape, bytes: parts[i] as Uint8Array }]);
  };

  const runIn = (process: InferenceProcess, key: string, inputs: Inputs, { resolve, reject }: Settle<Record<string, TensorBytes>>): void =>
    withSession(process, key, inputs, reject, (model, info, feeds) => {
      const { parts, region } = sendInputs(feeds.map(({ bytes }) => bytes), spool());
      process.post(requestOf(model, key, "run", feeds, region), parts, releasing(region, { resolve: (answer) => resolve(Object.fromEntries(arrived(model, info, answer))), reject }));
    });

  const holdIn = (process: InferenceProcess, key: string, inputs: Inputs, { resolve, reject }: Settle<HeldRun>): void => {
    const { layout, names = [] } = models.get(key) ?? {};
    if (layout === undefined) return runIn(process, key, inputs, { resolve: (outputs) => resolve({ names, outputs: names.map((name) => arrivedTensor(outputs[name] as TensorBytes)), release: () => undefined }), reject });
    withSession(process, key, inputs, reject, (model, info, feeds) => {
      const region = spool()?.reserve(layout.bytes);
      const { parts, region: given } = sendInputs(feeds.map(({ bytes }) => bytes), spool());
      parts.push(writeTerms({ place: region?.offset ?? -1, mapped: region?.mapped ?? false, busy: busyness.begin() }));
      const settle: Settle<Answer> = {
        resolve(answer) {
          busyness.end();
          const { spooled = false, hashed = false } = answer.reply;
          model.took = (answer.reply.microseconds ?? 0) / 1000;
          const outputs = spooled
            ? info.outputs.map((value, i): HeldTensor => new SpooledTensor(region as Region, layout.offsets[i] as number, layout.lengths[i] as number, value as Output))
            : arrived(model, info, answer).map(([, tensor]) => arrivedTensor(tensor));
          if (hashed) readHashed(answer.parts[spooled ? 0 : outputs.length] as Uint8Array, layout.lengths, (i, one) => ((outputs[i] as HeldTensor).hashed = one));
          if (!spooled) region?.release();
          resolve({ names, outputs, release: () => region?.release() });
        },
        reject(error) {
          busyness.end();
          region?.release();
          reject(error);
        },
      };
      process.post(requestOf(model, key, "hold", feeds, given), parts, releasing(given, settle));
    });
  };

  return {
    async load(process, key, source, options) {
      const model: Model = { source, options };
      // The process lets go of it first, and may then fail to make the new one.
      delete models.get(key)?.holder;
      const info = await loadInto(process, key, model);
      models.set(key, model);
      return info;
    },
    async batch(process, key, source, most) {
      const model = models.get(key);
      if (model?.info === undefined || model.fixed === undefined || layoutOf(model.info) === undefined) throw new GainsayError("Only a loaded session whose shapes are fixed does several jobs in one run.", { code: "SESSION_UNKNOWN", details: { key } });
      // One that has to be made again is made without it first.
      if (model.holder !== process) await loadInto(process, key, model);
      await batchInto(process, key, model, { source, most, reloads: 0 });
    },
    run: runIn,
    hold: holdIn,
    async unload(process, key) {
      const model = models.get(key);
      models.delete(key);
      if (model?.holder === process) await process.request({ op: "unload", key }, []);
    },
    has: (key) => models.has(key),
    forget: (key) => void models.delete(key),
    heldBy: (key, process) => process !== undefined && models.get(key)?.holder === process,
    together: (key) => models.get(key)?.batch?.most ?? 1,
    took: (key) => models.get(key)?.took,
  };
}
