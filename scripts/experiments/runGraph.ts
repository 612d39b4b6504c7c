// Runs one graph on several inputs and writes its outputs as raw bytes: `runGraph.ts FOLDER`, where FOLDER holds graph.onnx and
// job.json. A program of its own, so that it can run on another processor, under an emulator, or crash.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { InferenceSession } from "onnxruntime-node";
import type { Dtype } from "../../protocol/program/types.ts";
import { dtypeName, viewTyped } from "../../runtime/inference/tensorTypes.ts";
import type { Setup } from "./backEnds.ts";

export interface Job {
  setup: Setup;
  inputs: { name: string; dtype: Dtype; shape: number[] }[];
  /** Names of the outputs; output k of run r is written as `r-k.bin`, input k is read from `in-r-k.bin`. */
  outputs: string[];
  runs: number;
}

const folder = process.argv[2] as string;
const job = JSON.parse(readFileSync(path.join(folder, "job.json"), "utf8")) as Job;
const { provider, threads, optimization, prepacking, ortWeb } = job.setup;
// The native binding knows no Float16Array and reads it as empty; without it, half floats travel as Uint16Array.
delete (globalThis as { Float16Array?: unknown }).Float16Array;

type Ort = typeof import("onnxruntime-node");
const loaded = (await import(ortWeb === undefined ? "onnxruntime-node" : pathToFileURL(path.join(ortWeb, "dist", "ort.node.min.mjs")).href)) as Ort | { default: Ort };
const ort = "InferenceSession" in loaded ? loaded : loaded.default;
if (provider === "wasm") ort.env.wasm.numThreads = threads;
const options: InferenceSession.SessionOptions = {
  executionProviders: [provider],
  graphOptimizationLevel: optimization,
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  logSeverityLevel: 3,
  extra: { session: { ...(provider === "webgpu" ? { disable_cpu_ep_fallback: "1" } : {}), ...(prepacking ? {} : { disable_prepacking: "1" }) } },
};
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(path.join(folder, "graph.onnx"))), options);
for (let run = 0; run < job.runs; run++) {
  const feeds = Object.fromEntries(
    job.inputs.map(({ name, dtype, shape }, k) => {
      const bytes = new Uint8Array(readFileSync(path.join(folder, `in-${run}-${k}.bin`)));
      return [name, new ort.Tensor(dtypeName(dtype) as "float32", viewTyped(dtype, bytes) as Float32Array, shape)];
    }),
  );
  const results = await session.run(feeds);
  job.outputs.forEach((name, k) => {
    const { buffer, byteOffset, byteLength } = results[name]!.data as Float32Array;
    writeFileSync(path.join(folder, `${run}-${k}.bin`), new Uint8Array(buffer, byteOffset, byteLength));
  });
}
// Worker threads of the WASM build would keep the process alive.
process.exit(0);
