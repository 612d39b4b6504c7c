// `npm run bench [-- --json]`: what verification costs, each model's stages side by side with plain ONNX Runtime in one run.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { toJson } from "../cli/output.ts";
import { GainsayError } from "../protocol/errors.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
import { benchLines } from "./bench/benchLines.ts";
import { measureModel, type Measurement } from "./bench/measureModel.ts";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const shared = path.join(root, "..", "shared", "models");
const { values } = parseArgs({ options: { json: { type: "boolean", default: false }, rounds: { type: "string", default: "25" }, threads: { type: "string", default: String(availableParallelism()) } } });
const rounds = Number(values.rounds);
const threads = Number(values.threads);

const models: { name: string; file: string; shapes?: Record<string, number[]> }[] = [
  { name: "digits (own)", file: path.join(root, "models", "digits", "digits.onnx") },
  { name: "mnist", file: path.join(shared, "mnist", "model.onnx") },
  { name: "ultraface-slim-320", file: path.join(shared, "ultraface-slim-320", "model.onnx") },
  { name: "shufflenet-v2-12-int8", file: path.join(shared, "shufflenet-v2-12-int8", "model.onnx") },
  { name: "multihead-attention", file: path.join(shared, "multihead-attention", "model.onnx"), shapes: { input: [1, 1, 16, 128] } },
  { name: "stories260K", file: path.join(shared, "stories260K", "model.onnx"), shapes: { input_ids: [1, 16] } },
];

const runner = createFoldRunner();
const measured: Measurement[] = [];
const left: { model: string; reason: string }[] = [];
for (const { name, file, shapes } of models) {
  if (!existsSync(file)) {
    left.push({ model: name, reason: "the file is not beside this checkout" });
    continue;
  }
  process.stderr.write(`measuring ${name} …\n`);
  try {
    const modelBytes = new Uint8Array(await readFile(file));
    measured.push(await measureModel({ name, modelBytes, ...(shapes === undefined ? {} : { shapes }) }, { rounds, threads, runner }));
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    left.push({ model: name, reason: error.message });
  }
}
runner.close();

if (values.json) {
  process.stdout.write(`${toJson({ rounds, threads, models: measured, left })}\n`);
} else {
  console.log(`${rounds} rounds, ${threads} threads; medians, as ratios to plain ONNX Runtime in this process at its best options`);
  console.log("served: the plain graph in the inference process · traced: the same with the posted tensors as outputs · hashing: roots of the posted tensors");
  console.log("commit: traced and hashed, which is an executor's work and a watcher's with equal roots · check: a watcher with other floats, transfer over loopback included · quiet: of the first deciles\n");
  for (const line of benchLines(measured)) console.log(line);
  for (const { model, reason } of left) console.log(`\nnot measured: ${model}: ${reason}`);
}
process.exit(0);
