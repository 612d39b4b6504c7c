import { InferenceSession, Tensor } from "onnxruntime-node";
import { GainsayError } from "../../protocol/errors.ts";
import { granularities, type Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { dtypes, type TensorSpec } from "../../protocol/program/types.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import type { FoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { fixShapes } from "../../runtime/compile/fixShapes.ts";
import { createHasher, type Hasher } from "../../runtime/hashing/createHasher.ts";
import { commitTensors, commitTrace } from "../../runtime/inference/commitTrace.ts";
import { createInference, type Inference } from "../../runtime/inference/createInference.ts";
import type { TensorBytes } from "../../runtime/inference/types.ts";
import { prepareProgram } from "../../runtime/programs/prepareProgram.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { checkTrace } from "../../runtime/verification/checkTrace.ts";
import { DEFAULT_TOLERANCE } from "../../watcher/options.ts";
import { spreadOf, type Spread } from "./spread.ts";
import { serveTrace, type ServedTrace } from "./serveTrace.ts";

/** What is timed of each granularity. */
export const committedStages = ["traced", "hashing", "commit", "check"] as const;
export type CommittedStage = (typeof committedStages)[number];

export interface GranularityMeasurement {
  steps: number;
  blocks: number;
  postedTensors: number;
  postedBytes: number;
  /** In the check of an executor with other floats: elements that differed where steps were looked at, elements judged, blocks looked into. */
  differing: number;
  judged: number;
  opened: number;
  milliseconds: Record<CommittedStage, Spread>;
}

export interface Measurement {
  model: string;
  /** ONNX Runtime in this process at its best options. */
  plain: Spread;
  /** The same graph in the inference process, as a service without commitments would run it. */
  served: Spread;
  granularities: Record<Granularity, GranularityMeasurement>;
}

export interface Subject {
  name: string;
  modelBytes: Uint8Array;
  shapes?: Record<string, number[]>;
}

type Stage = () => Promise<unknown>;

/**
 * Times the stages of one model in turn, round by round, so that whatever else the machine does hits all of them alike.
 * The executor that is checked runs unoptimised on one thread: other floats than the watcher's, as on another machine; its trace comes over loopback.
 */
export async function measureModel({ name, modelBytes, shapes = {} }: Subject, { rounds, threads, runner }: { rounds: number; threads: number; runner: FoldRunner }): Promise<Measurement> {
  const logger = silentLogger();
  const hasher = createHasher({ threads });
  hasher.start();
  const inference = createInference({ provider: "cpu", threads, optimization: "all" }, { logger });
  const stranger = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger });
  const closing: (() => Promise<unknown>)[] = [() => hasher.stop(), () => inference.stop(), () => stranger.stop()];
  try {
    // Initialisers on the list of inputs would keep ONNX Runtime from folding them: they go first, in the baseline too.
    const source = parseModel(modelBytes);
    fixShapes(source, shapes);
    const plainBytes = serializeModel(source);
    const plain = await InferenceSession.create(plainBytes, { executionProviders: ["cpu"], graphOptimizationLevel: "all", intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
    closing.push(() => plain.release());
    await inference.load("plain", plainBytes);

    const prepared = new Map<Granularity, Prepared>();
    for (const granularity of granularities) {
      const bundle = await compileModel({ modelBytes, shapes, granularity }, { runner });
      const one = await prepareGranularity(bundle, { inference, stranger, hasher });
      closing.push(() => one.served.close());
      prepared.set(granularity, one);
    }
    const { program } = (prepared.get("layer") as Prepared).bundle;
    const inputs = program.inputs.map(seededInput);
    const tensors = Object.fromEntries(program.inputs.map((spec, i) => [spec.name, inputs[i] as Tensor]));
    const feeds = feedsOf(program.inputs, inputs);
    const stages: Record<string, Stage> = { plain: () => plain.run(tensors), served: () => inference.run("plain", feeds) };
    for (const [granularity, one] of prepared) for (const stage of committedStages) stages[`${granularity}/${stage}`] = one.stages[stage];

    const times = new Map<string, number[]>(Object.keys(stages).map((stage) => [stage, []]));
    for (let round = -2; round < rounds; round++) {
      for (const [stage, run] of Object.entries(stages)) {
        const started = performance.now();
        await run();
        if (round >= 0) times.get(stage)?.push(performance.now() - started);
      }
    }
    const spread = (stage: string): Spread => spreadOf(times.get(stage) ?? []);
    const measured = (granularity: Granularity): GranularityMeasurement => {
      const { bundle, postedBytes, last } = prepared.get(granularity) as Prepared;
      const { steps, blocks, trace } = bundle.program;
      return {
        steps: steps.length,
        blocks: blocks.length,
        postedTensors: trace.length,
        postedBytes,
        ...last(),
        milliseconds: Object.fromEntries(committedStages.map((stage) => [stage, spread(`${granularity}/${stage}`)])) as GranularityMeasurement["milliseconds"],
      };
    };
    return { model: name, plain: spread("plain"), served: spread("served"), granularities: { block: measured("block"), layer: measured("layer") } };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

interface Prepared {
  bundle: Bundle;
  postedBytes: number;
  served: ServedTrace;
  stages: Record<CommittedStage, Stage>;
  last(): Pick<GranularityMeasurement, "differing" | "judged" | "opened">;
}

async function prepareGranularity(bundle: Bundle, { inference, stranger, hasher }: { inference: Inference; stranger: Inference; hasher: Hasher }): Promise<Prepared> {
  const { program } = bundle;
  const loaded = prepareProgram(bundle, inference, hasher);
  const inputs = await commitTensors(program.inputs.map((spec) => bytesOf(seededInput(spec))), hasher);
  const own = await loaded.execute(inputs);
  const other = prepareProgram(bundle, stranger, hasher);
  const theirs = await other.execute(inputs);
  const served = await serveTrace(other, theirs);
  const feeds = feedsOf(program.inputs, program.inputs.map(seededInput));
  const tensors = own.tensors.map(({ bytes }) => bytes);
  const key = `trace/${program.root}`;
  let last = { differing: 0, judged: 0, opened: 0 };
  return {
    bundle,
    postedBytes: tensors.reduce((sum, { length }) => sum + length, 0),
    served,
    last: () => last,
    stages: {
      traced: () => inference.run(key, feeds),
      hashing: () => commitTrace(program, inputs, tensors, hasher),
      commit: async () => {
        if ((await loaded.execute(inputs)).traceRoot !== own.traceRoot) throw new Error("two executions of one machine differ");
      },
      check: async () => {
        const { trace, inner } = await served.fetch(program, own.tensors);
        const report = await checkTrace(loaded, own.inputs, trace, { inner, tolerance: DEFAULT_TOLERANCE });
        if (report.finding !== undefined) throw new Error("an honest trace was called fraud");
        last = { differing: report.differing, judged: report.judged, opened: report.opened.length };
      },
    },
  };
}

function feedsOf(specs: readonly TensorSpec[], inputs: readonly Tensor[]): Record<string, TensorBytes> {
  return Object.fromEntries(specs.map(({ name, dtype, shape }, i) => [name, { dtype, shape, bytes: bytesOf(inputs[i] as Tensor) }]));
}

function bytesOf({ data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
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
