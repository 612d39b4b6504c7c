import { GainsayError } from "../../../protocol/errors.ts";
import type { FoldRunner } from "../../compile/createFoldRunner.ts";
import type { Hasher } from "../../hashing/createHasher.ts";
import type { Inference } from "../../inference/createInference.ts";
import { prepare } from "../../programs/createPrograms.ts";
import type { JudgeChain } from "../createJudgeChain.ts";
import { examineStep } from "../examineStep.ts";
import { openExecution } from "../openExecution.ts";
import { chooseElements, createRandom } from "../random.ts";
import { compareTensors } from "./compareTensors.ts";
import { compileVector } from "./compileVector.ts";
import { publishedTrace } from "./publishedTrace.ts";
import { dtypeOf, type DataSet, type Vector } from "./readVector.ts";
import { Unsupported } from "./unsupported.ts";

export interface VectorDependencies {
  runner: FoldRunner;
  inference: Inference;
  hasher: Hasher;
  chain: JudgeChain;
}

export interface VectorOptions {
  samples: number;
  seed: number;
  signal?: AbortSignal;
}

export interface VectorReport {
  /** Sentences about wrong verdicts; none if the vector passes. */
  wrong: string[];
  /** Verdicts of the contracts. */
  verdicts: number;
}

/**
 * Puts the published outputs of a vector before the contracts, and every tensor in between: honest elements must be sound, and
 * each falsified one fraud. Throws `Unsupported` where the model does not compile or ONNX Runtime itself does not pass the vector.
 */
export async function runVector({ modelBytes, dataSets }: Omit<Vector, "operators">, options: VectorOptions, dependencies: VectorDependencies): Promise<VectorReport> {
  const report: VectorReport = { wrong: [], verdicts: 0 };
  for (const dataSet of dataSets) await runDataSet(modelBytes, dataSet, options, dependencies, report);
  return report;
}

async function runDataSet(modelBytes: Uint8Array, dataSet: DataSet, { samples, seed, signal }: VectorOptions, { runner, inference, hasher, chain }: VectorDependencies, report: VectorReport): Promise<void> {
  const bundle = await compileVector(modelBytes, dataSet.inputs, runner).catch(refusing);
  const sessions = new Set<string>();
  const own: Inference = {
    ...inference,
    load(key, ...rest) {
      sessions.add(key);
      return inference.load(key, ...rest);
    },
  };
  try {
    await checkReference(modelBytes, dataSet, own, signal).catch(refusing);
    const loaded = prepare(bundle, own, hasher);
    const { program } = bundle;
    const trace = await publishedTrace(loaded, dataSet, hasher, signal).catch(refusing);
    const execution = openExecution(program, { inputs: trace.inputs, trace: trace.tensors, weight: (index) => loaded.weight(index) });
    const random = createRandom(seed);
    for (const [index, step] of program.steps.entries()) {
      const count = step.result.shape.reduce((product, size) => product * size, 1);
      const found = await examineStep(execution, chain, index, chooseElements(count, samples, random), signal);
      report.verdicts += found.judged - found.refused + found.corrupted;
      report.wrong.push(...found.faults.map(({ element, corruption, why }) => `${describe(program.nodes[index], index, program.header.outputs.includes(step.result.index))}, element ${element}${corruption === undefined ? "" : ` (${corruption})`}: ${why}`));
      if (found.corrupted === 0 && found.refused === 0) report.wrong.push(`step ${index}: nothing that could be claimed at the samples is fraud`);
    }
  } finally {
    for (const key of sessions) await inference.unload(key).catch(() => undefined);
  }
}

function describe(nodes: readonly string[] | undefined, index: number, isOutput: boolean): string {
  return `step ${index}${nodes?.some((name) => name !== "") ? ` (${nodes.join(" + ")})` : ""}, ${isOutput ? "published" : "computed in between"}`;
}

/** Runs the vector's own model on ONNX Runtime's CPU provider, with the tolerances of ONNX's backend tests. */
async function checkReference(modelBytes: Uint8Array, { inputs, outputs }: DataSet, inference: Inference, signal: AbortSignal | undefined): Promise<void> {
  await inference.load("reference", modelBytes);
  const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, { dtype: dtypeOf(tensor), shape: tensor.shape, bytes: tensor.bytes }]));
  const results = await inference.run("reference", feeds, signal === undefined ? {} : { signal });
  for (const output of outputs) {
    const result = results[output.name];
    const why = result === undefined ? "it is missing" : result.dtype !== dtypeOf(output) ? `it has element type ${result.dtype}` : compareTensors(result.dtype, result.bytes, output.bytes);
    if (why !== undefined) throw new Unsupported(`ONNX Runtime's CPU provider does not pass the vector: in ${JSON.stringify(output.name)} ${why}`);
  }
}

/** What stops a vector before it is judged is a reason to call it unsupported; mistakes of this program are not. */
function refusing(error: unknown): never {
  if (!(error instanceof GainsayError) || error.code === "INFERENCE_ABORTED") throw error;
  const nodes = error.details["nodes"];
  const first = Array.isArray(nodes) ? (nodes[0] as { node: string; op: string; reason: string } | undefined) : undefined;
  if (first !== undefined) throw new Unsupported(`${first.op}: ${first.reason}`);
  throw new Unsupported(`${error.message} [${error.code}]`);
}
