// `npm run bench [-- --json]`: what verification costs, each model's stages side by side with plain ONNX Runtime in one run.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { table, toJson } from "../cli/output.ts";
import { GainsayError } from "../protocol/errors.ts";
import { compileModel } from "../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
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
    const bundle = await compileModel({ modelBytes, ...(shapes === undefined ? {} : { shapes }) }, { runner });
    measured.push(await measureModel(name, modelBytes, bundle, { rounds, threads }));
  } catch (error) {
    if (!(error instanceof GainsayError)) throw error;
    left.push({ model: name, reason: error.message });
  }
}
runner.close();

if (values.json) {
  process.stdout.write(`${toJson({ rounds, threads, models: measured, left })}\n`);
} else {
  const ms = (value: number): string => value.toFixed(2);
  const stages = ["plain", "traced", "hashing", "commit", "fast", "full"] as const;
  console.log(`${rounds} rounds, ${threads} threads; medians in milliseconds, and their ratio to the plain run (all optimisations, same threads)`);
  console.log("traced: traced graph in the inference process · hashing: roots of the trace · commit: both · fast: watcher, equal roots · full: watcher, every step recomputed and every differing element judged\n");
  console.log(table(["model", ...stages.map((stage) => `${stage} ms`), "steps", "committed"], measured.map((row) => [row.model, ...stages.map((stage) => ms(row.milliseconds[stage].median)), String(row.steps), `${(row.committedBytes / 1024).toFixed(0)} KiB`])).join("\n"));
  console.log();
  console.log(table(["ratio to plain", ...stages.slice(1)], measured.map((row) => [row.model, ...stages.slice(1).map((stage) => `×${(row.milliseconds[stage].median / row.milliseconds.plain.median).toFixed(2)}`)])).join("\n"));
  for (const { model, reason } of left) console.log(`\nnot measured: ${model}: ${reason}`);
}
process.exit(0);
