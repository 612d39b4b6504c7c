import type { InferenceSession } from "onnxruntime-node";
import { lasting } from "../../protocol/trees/tensorTree.ts";
import { createArena } from "./alignedMemory.ts";
import { FRAME_ALIGNMENT } from "./frames.ts";
import type { NativeSession } from "./nativeSession.ts";
import type { OnnxRuntime } from "./onnxRuntime.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { TensorBytes, ValueInfo } from "./types.ts";

/** Runs of each size that are done one by one as well, before results are taken from it; … */
const PROBATION_RUNS = 4;
/** … and of how many one is, for as long as the session lives. */
const SAMPLED_RUNS = 1024;

/** Does several jobs of a session in one run. */
export interface BatchSession {
  /** Jobs that may be done together. */
  readonly most: number;
  /**
   * The bytes of the outputs of each job, given those of its inputs. They may be overwritten by the next run. Undefined if the jobs have to be done one by one.
   */
  run(jobs: readonly (readonly Uint8Array[])[]): Uint8Array[][] | undefined;
  release(): void;
}

interface Places {
  inputs: readonly TensorBytes[];
  run(inputs: readonly TensorBytes[]): void;
  /** By job and output. */
  outputs: Uint8Array[][];
}

/**
 * Makes a session for up to `most` jobs at a time from the graph that `batchGraph` makes of that of `one`, whose shapes are fixed. Results must be those of a job alone, bit for bit, since an
 * executor that is disputed computes them again from a part of its graph: the first runs of each number of jobs, and some later ones, are repeated job by job. At the first difference, which
 * includes a failure of jobs that succeed one by one, the session is given up, which `onStray` is told.
 */
export function createBatchSession(runtime: OnnxRuntime, model: Uint8Array | string, options: InferenceSession.SessionOptions, one: NativeSession, most: number, onStray: (reason: string) => void): BatchSession {
  const { into, release } = runtime.open(model, options);
  const arena = createArena(FRAME_ALIGNMENT);
  const { inputs, outputs } = one.info;
  const lengths = (values: readonly ValueInfo[]): number[] => values.map(({ dtype, shape }) => tensorByteLength(dtype, shape as number[]));
  const [inputLengths, outputLengths] = [lengths(inputs), lengths(outputs)];
  const [given, made] = [inputLengths, outputLengths].map((all) => all.map((length) => arena.take(length * most))) as [Uint8Array[], Uint8Array[]];
  const places = new Map<number, Places>();
  const runs = new Map<number, number>();
  let strayed = false;

  const placesOf = (jobs: number): Places => {
    let known = places.get(jobs);
    if (known === undefined) {
      const tensors = (values: readonly ValueInfo[], rooms: readonly Uint8Array[], each: readonly number[]) =>
        values.map(({ dtype, shape: [first, ...rest] }, i): TensorBytes => ({ dtype, shape: [(first as number) * jobs, ...(rest as number[])], bytes: (rooms[i] as Uint8Array).subarray(0, (each[i] as number) * jobs) }));
      known = {
        inputs: tensors(inputs, given, inputLengths),
        run: into(tensors(outputs, made, outputLengths)),
        outputs: Array.from({ length: jobs }, (_, job) => made.map((room, i) => lasting(room.subarray(job * (outputLengths[i] as number), (job + 1) * (outputLengths[i] as number))))),
      };
      places.set(jobs, known);
    }
    return known;
  };

  const giveUp = (reason: string): undefined => {
    strayed = true;
    release();
    places.clear();
    onStray(reason);
  };

  /** The outputs of a job that is done by itself; undefined if it fails. */
  const alone = (own: readonly Uint8Array[]): Uint8Array[] | undefined => {
    try {
      return one.run(own).bytes;
    } catch {
      return undefined;
    }
  };

  return {
    get most() {
      return strayed ? 1 : most;
    },
    run(jobs) {
      if (strayed) return undefined;
      const { inputs: together, run, outputs: results } = placesOf(jobs.length);
      jobs.forEach((own, job) => given.forEach((room, i) => room.set(own[i] as Uint8Array, job * (inputLengths[i] as number))));
      try {
        run(together);
      } catch (error) {
        // Whoever sends an input that the graph cannot take fails alone, too, and makes nobody slower for long.
        return jobs.every((own) => alone(own) !== undefined) ? giveUp(error instanceof Error ? error.message : String(error)) : undefined;
      }
      const before = runs.get(jobs.length) ?? 0;
      runs.set(jobs.length, before + 1);
      if (before >= PROBATION_RUNS && before % SAMPLED_RUNS !== 0) return results;
      const strays = jobs.some((own, job) => alone(own)?.every((bytes, i) => Buffer.compare(bytes, (results[job] as Uint8Array[])[i] as Uint8Array) === 0) !== true);
      return strays ? giveUp(`${jobs.length} jobs in one run have other results than one by one`) : results;
    },
    release() {
      if (!strayed) release();
    },
  };
}
