import { InferenceSession, Tensor } from "onnxruntime-node";
import { GainsayError } from "../../protocol/errors.ts";
import { tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { dtypes, type TensorSpec } from "../../protocol/program/types.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { createHasher } from "../../runtime/hashing/createHasher.ts";
import { commitTrace } from "../../runtime/inference/commitTrace.ts";
import { createInference } from "../../runtime/inference/createInference.ts";
import { prepareProgram } from "../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { checkTrace } from "../../runtime/verification/checkTrace.ts";

export interface Spread {
  median: number;
  /** First and ninth decile. */
  low: number;
  high: number;
}

export interface Measurement {
  model: string;
  steps: number;
  committedBytes: number;
  /** Elements that differed in the full path, where the executor ran at another optimisation level. */
  differing: number;
  milliseconds: Record<"plain" | "traced" | "hashing" | "commit" | "fast" | "full", Spread>;
}

/**
 * Times the stages of one model in turn, round by round, so that whatever else the machine does hits all of them alike.
 * The executor of the full path runs unoptimised on one thread: other floats than the watcher's, as on another machine.
 */
export async function measureModel(model: string, modelBytes: Uint8Array, bundle: Bundle, { rounds, threads }: { rounds: number; threads: number }): Promise<Measurement> {
  const logger = silentLogger();
  const { program } = bundle;
  const hasher = createHasher({ threads });
  hasher.start();
  const inference = createInference({ provider: "cpu", threads, optimization: "all" }, { logger });
  const stranger = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger });
  const loaded = prepareProgram(bundle, inference, hasher);
  const inputs = program.inputs.map(seededInput);
  const bytes = inputs.map(({ data }) => new Uint8Array((data as Float32Array).buffer));

  const plain = await InferenceSession.create(modelBytes, { executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
  const feeds = Object.fromEntries(program.inputs.map(({ name }, i) => [name, inputs[i] as Tensor]));
  const key = "bench";
  await inference.load(key, tracedGraph(bundle));
  const traced = Object.fromEntries(program.inputs.map(({ name, dtype, shape }, i) => [name, { dtype, shape, bytes: bytes[i] as Uint8Array }]));

  const own = await loaded.execute(bytes);
  const theirs = await prepareProgram(bundle, stranger, hasher).execute(bytes);
  const tensors = own.tensors.map((tensor) => tensor.bytes);
  let differing = 0;
  const stages: Record<keyof Measurement["milliseconds"], () => Promise<unknown>> = {
    plain: () => plain.run(feeds),
    traced: () => inference.run(key, traced),
    hashing: () => commitTrace(program, bytes, tensors, hasher),
    commit: () => loaded.execute(bytes),
    fast: async () => {
      if ((await loaded.execute(bytes)).traceRoot !== own.traceRoot) throw new Error("two executions of one machine differ");
    },
    full: async () => {
      const report = await checkTrace(loaded, own.inputs, theirs.tensors);
      if (report.finding !== undefined) throw new Error(`an honest trace of ${model} was called fraud`);
      differing = report.differing;
    },
  };
  const names = Object.keys(stages) as (keyof typeof stages)[];
  const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const name of names) {
      const started = performance.now();
      await stages[name]();
      if (round >= 0) times[name]?.push(performance.now() - started);
    }
  }
  await Promise.all([inference.stop(), stranger.stop(), hasher.stop(), plain.release()]);
  return {
    model,
    steps: program.steps.length,
    committedBytes: tensors.reduce((sum, tensor) => sum + tensor.length, 0),
    differing,
    milliseconds: Object.fromEntries(names.map((name) => [name, spreadOf(times[name] ?? [])])) as Measurement["milliseconds"],
  };
}

function spreadOf(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}

/** Floats in [0, 1), integers from 0 to 9, from a linear congruential generator (Numerical Recipes), the same in every run. */
function seededInput({ dtype, shape }: TensorSpec): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (dtype === dtypes.float32) return new Tensor("float32", Float32Array.from({ length: count }, next), shape);
  if (dtype === dtypes.int64) return new Tensor("int64", BigInt64Array.from({ length: count }, () => BigInt(Math.floor(next() * 10))), shape);
  if (dtype === dtypes.int32) return new Tensor("int32", Int32Array.from({ length: count }, () => Math.floor(next() * 10)), shape);
  if (dtype === dtypes.uint8) return new Tensor("uint8", Uint8Array.from({ length: count }, () => Math.floor(next() * 256)), shape);
  throw new GainsayError("The benchmark has no inputs of this element type.", { code: "BENCH_INPUT", details: { dtype } });
}
