import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GainsayError } from "../../protocol/errors.ts";
import { dtypes, type Program } from "../../protocol/program/types.ts";
import { createRandom } from "../../runtime/audit/random.ts";
import { seededInputs } from "../../runtime/audit/seededInputs.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import type { FoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import { parseTensorPb } from "../../runtime/inputs/parseTensorPb.ts";
import { functionsProbe, restProbe, rowsProbe, sumsProbe, type OperatorProbe } from "./operatorProbes.ts";
import { evenChannelsConv, oddChannelsConv, saturatingConv } from "./probes.ts";

/** A model of the experiments: where it is, and what its inputs look like. */
export interface Subject {
  name: string;
  /** The file, the bytes of a model that is made here, or branches of which those are taken that compile. */
  model: string | Uint8Array | OperatorProbe;
  /** Families of back ends whose kernels are known to compute this model wrongly: a judge that said "sound" there would be wrong. */
  knownFaults?: string[];
  shapes?: Record<string, number[]>;
  /** Floats of realistic inputs lie in [from, to). */
  from?: number;
  to?: number;
  /** Integers of inputs lie below. */
  below?: number;
  /** An input that was published with the model. */
  published?: string;
}

/** One set of inputs of a program, in program order. */
export interface Given {
  label: string;
  inputs: Uint8Array[];
}

export interface Compiled {
  subject: Subject;
  bundle: Bundle;
  given: Given[];
  /** Branches of a probe that the compiler refuses, with its reason. */
  refused: { name: string; reason: string }[];
}

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const shared = (name: string, ...rest: string[]): string => path.join(root, "..", "shared", "models", name, ...rest);
const firstSet = (name: string): string => shared(name, "test_data_set_0", "input_0.pb");

/** All models that the experiments know; those in `../shared` are taken where they are. */
export const subjects: readonly Subject[] = [
  { name: "digits", model: path.join(root, "models", "digits", "digits.onnx"), from: 0, to: 255 },
  { name: "mnist", model: shared("mnist", "model.onnx"), from: 0, to: 255, published: firstSet("mnist") },
  { name: "multihead-attention", model: shared("multihead-attention", "model.onnx"), shapes: { input: [1, 1, 16, 128] }, from: 0, to: 0.1 },
  { name: "stories260K", model: shared("stories260K", "model.onnx"), shapes: { input_ids: [1, 16] }, below: 512 },
  { name: "probe: Conv of 8 channels", model: evenChannelsConv() },
  { name: "probe: Conv of 6 channels", model: oddChannelsConv(), knownFaults: ["WebGPU"] },
  { name: "probe: QLinearConv at full range", model: saturatingConv(), from: 0, to: 1, below: 256, knownFaults: ["AVX2 (qemu Haswell)"] },
  { name: "probe: functions", model: functionsProbe(), from: -8, to: 8 },
  { name: "probe: other functions", model: restProbe(), from: -8, to: 8 },
  { name: "probe: rows", model: rowsProbe(), from: -4, to: 4 },
  { name: "probe: sums", model: sumsProbe(), from: -1, to: 1 },
  { name: "ultraface-slim-320", model: shared("ultraface-slim-320", "model.onnx"), from: -1, to: 1 },
  { name: "shufflenet-v2-12-int8", model: shared("shufflenet-v2-12-int8", "model.onnx"), from: -2, to: 2, published: firstSet("shufflenet-v2-12-int8") },
];

/** Compiles a subject and makes its inputs. Throws what `compileModel` throws, and `MODEL_MISSING` where the file is not here. */
export async function compileSubject(subject: Subject, runner: FoldRunner): Promise<Compiled> {
  const { model, shapes, published } = subject;
  if (typeof model === "string" && !existsSync(model)) throw new GainsayError("The model's file is not beside this checkout.", { code: "MODEL_MISSING", details: { name: subject.name } });
  const refused: Compiled["refused"] = [];
  const compile = (modelBytes: Uint8Array): Promise<Bundle> => compileModel({ modelBytes, ...(shapes === undefined ? {} : { shapes }) }, { runner });
  const bundle = typeof model === "object" && "build" in model ? await compileBranches(model, compile, refused) : await compile(typeof model === "string" ? new Uint8Array(await readFile(model)) : model);
  const given = [realistic(bundle.program, subject, 1), realistic(bundle.program, subject, 2)];
  if (bundle.program.inputs.some(({ dtype }) => dtype === dtypes.float32)) given.push(wide(bundle.program));
  if (published !== undefined && existsSync(published)) given.push(...(await publishedInput(bundle.program, published)));
  return { subject, bundle, given, refused };
}

/** Leaves out the branches that the compiler names as unsupported, until what is left compiles. */
async function compileBranches(probe: OperatorProbe, compile: (modelBytes: Uint8Array) => Promise<Bundle>, refused: Compiled["refused"]): Promise<Bundle> {
  for (;;) {
    try {
      return await compile(probe.build(new Set(refused.map(({ name }) => name))));
    } catch (error) {
      if (!(error instanceof GainsayError) || error.code !== "MODEL_UNSUPPORTED") throw error;
      const found = (error.details["nodes"] as { node: string; op: string; reason: string }[]).map(({ node, op, reason }) => ({ name: node.split(/[/.]/)[0] as string, reason: `${op}: ${reason}` }));
      const fresh = found.filter(({ name }, i) => !refused.some((one) => one.name === name) && found.findIndex((one) => one.name === name) === i);
      if (fresh.length === 0) throw error;
      refused.push(...fresh);
    }
  }
}

/** Uniform floats of the model's usual range and seeded integers. */
function realistic(program: Program, { from = -1, to = 1, below = 256 }: Subject, seed: number): Given {
  const random = createRandom(seed);
  const inputs = seededInputs(program, seed, below);
  program.inputs.forEach(({ dtype }, i) => {
    if (dtype !== dtypes.float32) return;
    const values = Float32Array.from({ length: (inputs[i] as Uint8Array).length / 4 }, () => from + (to - from) * random.unit());
    inputs[i] = new Uint8Array(values.buffer);
  });
  return { label: `uniform ${seed}`, inputs };
}

/** Floats of either sign whose magnitudes spread over 2^±20, so that sums cancel and small terms are lost. */
function wide(program: Program): Given {
  const random = createRandom(3);
  const inputs = seededInputs(program, 3, 256);
  program.inputs.forEach(({ dtype }, i) => {
    if (dtype !== dtypes.float32) return;
    const values = Float32Array.from({ length: (inputs[i] as Uint8Array).length / 4 }, () => (random.unit() < 0.5 ? -1 : 1) * 2 ** (40 * random.unit() - 20));
    inputs[i] = new Uint8Array(values.buffer);
  });
  return { label: "wide", inputs };
}

async function publishedInput(program: Program, file: string): Promise<Given[]> {
  const { bytes } = parseTensorPb(file, new Uint8Array(await readFile(file)));
  const [zeros, ...others] = seededInputs(program, 1, 2);
  return others.length === 0 && zeros?.length === bytes.length ? [{ label: "published", inputs: [bytes] }] : [];
}
