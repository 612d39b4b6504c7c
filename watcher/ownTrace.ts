import { GainsayError } from "../protocol/errors.ts";
import type { CommittedTensor } from "../protocol/trees/committedTensor.ts";
import type { ExecutionTensors } from "../protocol/dispute/stepOperands.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import { loadInputs } from "../runtime/programs/loadInputs.ts";
import { fetchBundle, registeredManifest } from "../runtime/serving/fetchBundle.ts";
import type { LoadedProgram } from "../runtime/programs/loadedProgram.ts";
import { createFetchBudget, inputTimeMs } from "./createFetchBudget.ts";
import type { WatcherDependencies } from "./dependencies.ts";

export interface OwnExecution {
  loaded: LoadedProgram;
  trace: Trace;
  tensors: ExecutionTensors;
}

/** Opens the program of a job, fetching its bundle from peers if need be. Throws `BUNDLE_MISSING` if nobody has it, `BUNDLE_NOT_YET` and `BUNDLE_TOO_SLOW` while it comes. */
export async function openProgram(job: Job, dependencies: WatcherDependencies, signal: AbortSignal): Promise<LoadedProgram> {
  const { programs, chain, network, logger, bundles, fetchedBundles: folder } = dependencies;
  const { programRoot: root } = job;
  const local = await programs.open(root);
  if (local !== undefined) return local;
  try {
    const fetch = async (soon: AbortSignal): Promise<void> => {
      await fetchBundle({ network, peers: network.peers(), root, manifestHash: await registeredManifest(chain, root), folder, signal: soon });
      logger.info({ program: root }, "bundle fetched from peers");
    };
    await bundles.fetch(root, job.challengeWindow, fetch, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof GainsayError && ["BUNDLE_NOT_YET", "BUNDLE_TOO_SLOW"].includes(cause.code)) throw cause;
    throw new GainsayError("The bundle of a job's program is neither here nor at a peer, so its result cannot be checked; compile the model, or connect to a peer that has it.", { code: "BUNDLE_MISSING", retryable: true, details: { jobId: job.id, programRoot: root }, cause });
  }
  const fetched = await programs.open(root);
  if (fetched === undefined) throw new GainsayError("A bundle that was just fetched cannot be found; check the data folder.", { code: "BUNDLE_MISSING", details: { root, folder } });
  return fetched;
}

/** An execution together with what is inside of some of its blocks (default: of all), each run again from its posted tensors. */
export async function withInner({ loaded, tensors, trace }: OwnExecution, signal: AbortSignal, blocks: Iterable<number> = loaded.program.blocks.keys()): Promise<ExecutionTensors> {
  const posted = { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) };
  const inner = new Map<number, readonly CommittedTensor[]>();
  for (const block of blocks) if ((loaded.program.blocks[block]?.innerCount ?? 0) > 0) inner.set(block, (await loaded.expand(block, posted, signal)).tensors);
  return { ...tensors, inner: (block) => inner.get(block) };
}

/** The watcher's own execution of a job: as stored, or run now and stored. What it needs for that must come in time, the execution itself takes its own. */
export async function ownExecution(job: Job, dependencies: WatcherDependencies, signal: AbortSignal): Promise<OwnExecution> {
  const { traces } = dependencies;
  const loaded = await openProgram(job, dependencies, signal);
  const key = `own/${job.id}`;
  let trace = await traces.get(key);
  if (trace === undefined || trace.programRoot !== job.programRoot || trace.inputRoot !== job.inputRoot) {
    const budget = createFetchBudget(inputTimeMs(loaded.program, job.challengeWindow), "input");
    const { inputs } = await budget.within((soon) => loadInputs(dependencies, loaded.program, job, soon), signal);
    trace = await loaded.execute(inputs, signal);
    trace = await loaded.execute(inputs, signal);
    await keepTrace(key, trace, dependencies, { isSpare: true });
  }
  return { loaded, trace, tensors: { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() } };
}

type Keeping = Pick<WatcherDependencies, "traces" | "logger">;

/**
 * Stored, an execution need not be repeated, nor a trace fetched again. Nobody waits for a small one to be written, and a full disk must not keep a watcher
 * from judging.
 */
export async function keepTrace(key: string, trace: Trace, { traces, logger }: Keeping, options: { isSpare?: boolean } = {}): Promise<void> {
  const note = (error: unknown): void => logger.warn({ key, code: error instanceof GainsayError ? error.code : "UNEXPECTED", reason: error instanceof Error ? error.message : String(error) }, "trace not stored");
  try {
    const { stored } = await traces.putBehind(key, trace, options);
    stored.catch(note);
  } catch (error) {
    if (!(error instanceof GainsayError && ["TRACE_STORE_FULL", "TRACE_WRITE_FAILED"].includes(error.code))) throw error;
    note(error);
  }
}
