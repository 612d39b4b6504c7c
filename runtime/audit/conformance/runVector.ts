import { fromBinary } from "@bufbuild/protobuf";
import { GainsayError } from "../../../protocol/errors.ts";
import { ModelProtoSchema, type ModelProto } from "../../../protocol/onnx/generated/onnx_pb.ts";
import { parseModel } from "../../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../../protocol/onnx/serializeModel.ts";
import type { FoldRunner } from "../../compile/createFoldRunner.ts";
import type { Hasher } from "../../hashing/createHasher.ts";
import type { Inference } from "../../inference/createInference.ts";
import { floatInterface } from "../../../protocol/lowering/floatTwin.ts";
import { fromResult, toFeed } from "../../inference/bfloats.ts";
import { prepareProgram } from "../../programs/prepareProgram.ts";
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
 * each falsified one fraud. Throws `Unsupported` where the model does not compile or ONNX Runtime itself does not pass the vector; so also where
 * it lacks the model's opset and, for the model brought to one that it has, finds no way to the published outputs.
 */
export async function runVector({ modelBytes, dataSets }: Omit<Vector, "operators">, options: VectorOptions, dependencies: VectorDependencies): Promise<VectorReport> {
  const report: VectorReport = { wrong: [], verdicts: 0 };
  for (const dataSet of dataSets) await runDataSet(modelBytes, dataSet, options, dependencies, report);
  const [own, read] = [opsetOf(fromBinary(ModelProtoSchema, modelBytes)), opsetOf(parseModel(modelBytes))];
  if (own !== read && report.wrong.length > 0) {
    throw new Unsupported(`ONNX Runtime's CPU provider does not run opset ${own} itself, and what it computes in between of the model brought to opset ${read} does not lead to the published outputs`);
  }
  return report;
}

function opsetOf({ opsetImport }: ModelProto): number {
  return Number(opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0);
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
    const loaded = prepareProgram(bundle, own, hasher);
    const { program } = bundle;
    const { trace, suspects } = await publishedTrace(loaded, dataSet, hasher, signal).catch(refusing);
    const execution = openExecution(program, { inputs: trace.inputs, trace: trace.tensors, weight: await loaded.weights() });
    const random = createRandom(seed);
    for (const [index, step] of program.steps.entries()) {
      const count = step.result.shape.reduce((product, size) => product * size, 1);
      const found = await examineStep(execution, chain, index, [...new Set([...chooseElements(count, samples, random), ...(suspects.get(step.result.index) ?? []).slice(0, samples)])], signal);
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

/**
 * An output that ONNX Runtime contradicts in so small a part of its elements (one in eight at most) is judged nevertheless: where it
 * understands an operator otherwise, it differs all over, and a few odd elements are more likely wrong than a matter of opinion.
 */
const ISOLATED = 1 / 8;

/** Runs the vector's own model on ONNX Runtime's CPU provider, with the tolerances of ONNX's backend tests. */
async function checkReference(modelBytes: Uint8Array, { inputs, outputs }: DataSet, inference: Inference, signal: AbortSignal | undefined): Promise<void> {
  const refuse = (name: string, why: string): never => {
    throw new Unsupported(`ONNX Runtime's CPU provider does not pass the vector: in ${JSON.stringify(name)} ${why}`);
  };
  // Models of opsets that ONNX Runtime lacks are read as the compiler reads them.
  const model = parseModel(modelBytes);
  if ([...inputs, ...outputs].some(({ dtype }) => dtype === "bfloat16")) floatInterface(model);
  await inference.load("reference", serializeModel(model));
  const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toFeed({ dtype: dtypeOf(tensor), shape: tensor.shape, bytes: tensor.bytes })]));
  const results = await inference.run("reference", feeds, signal === undefined ? {} : { signal });
  for (const output of outputs) {
    const given = results[output.name];
    const result = given && fromResult(given, dtypeOf(output));
    if (result?.dtype !== dtypeOf(output) || result.bytes.length !== output.bytes.length) return refuse(output.name, "the element type or the length differs");
    const { differing, count, first } = compareTensors(result.dtype, result.bytes, output.bytes);
    if (differing > count * ISOLATED) refuse(output.name, first);
  }
}

/** What stops a vector before it is judged is a reason to call it unsupported; mistakes of this program are not. */
function refusing(error: unknown): never {
  if (!(error instanceof GainsayError) || error.code === "INFERENCE_ABORTED") throw error;
  const nodes = error.details["nodes"];
  if (Array.isArray(nodes) && nodes.length > 0) {
    const reasons = [...new Set((nodes as { op: string; reason: string }[]).map(({ op, reason }) => `${op}: ${reason}`))];
    throw new Unsupported(reasons.slice(0, 3).join("; ") + (reasons.length > 3 ? `; and ${reasons.length - 3} more` : ""));
  }
  throw new Unsupported(`${error.message} [${error.code}]`);
}
