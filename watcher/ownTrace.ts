import { GainsayError } from "../protocol/errors.ts";
import type { ExecutionTensors } from "../protocol/dispute/stepOperands.ts";
import type { Job } from "../runtime/chain/types.ts";
import type { Trace } from "../runtime/inference/trace.ts";
import { loadInputs } from "../runtime/programs/loadInputs.ts";
import type { LoadedProgram } from "../runtime/programs/createPrograms.ts";
import type { WatcherDependencies } from "./dependencies.ts";

export interface OwnExecution {
  loaded: LoadedProgram;
  trace: Trace;
  tensors: ExecutionTensors;
}

/** Opens the program of a job. Throws `BUNDLE_MISSING` if it is not in the data folder. */
export async function openProgram(job: Job, { programs }: Pick<WatcherDependencies, "programs">): Promise<LoadedProgram> {
  const loaded = await programs.open(job.programRoot);
  if (loaded === undefined) {
    throw new GainsayError("The bundle of a job's program is not here, so its result cannot be checked; compile the model, or copy the bundle into the data folder.", { code: "BUNDLE_MISSING", retryable: true, details: { jobId: job.id, programRoot: job.programRoot } });
  }
  return loaded;
}

/** The watcher's own execution of a job: as stored, or run now and stored. */
export async function ownExecution(job: Job, dependencies: WatcherDependencies, signal: AbortSignal): Promise<OwnExecution> {
  const { traces } = dependencies;
  const loaded = await openProgram(job, dependencies);
  const key = `own/${job.id}`;
  let trace = await traces.get(key);
  if (trace === undefined || trace.programRoot !== job.programRoot || trace.inputRoot !== job.inputRoot) {
    trace = await loaded.execute(await loadInputs(dependencies, loaded.program, job, signal), signal);
    await traces.put(key, trace);
  }
  return { loaded, trace, tensors: { inputs: trace.inputs, trace: trace.tensors, weight: (index) => loaded.weight(index) } };
}
