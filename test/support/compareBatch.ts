import { batchGraph } from "../../protocol/lowering/batching/batchGraph.ts";
import { dtypes } from "../../protocol/program/types.ts";
import { createArena } from "../../runtime/inference/alignedMemory.ts";
import { createNativeSession } from "../../runtime/inference/nativeSession.ts";
import { loadRuntime } from "../../runtime/inference/onnxRuntime.ts";
import { sessionOptions } from "../../runtime/inference/sessionOptions.ts";
import { tensorByteLength } from "../../runtime/inference/tensorTypes.ts";
import type { ValueInfo } from "../../runtime/inference/types.ts";

export const runtime = await loadRuntime("cpu", (text) => {
  throw new Error(text);
});
export const plainOptions = sessionOptions("cpu", 1, "disabled", {});

/** Bytes for an input of one job: small numbers that differ from job to job. */
export function jobInput({ dtype, shape }: ValueInfo, seed: number): Uint8Array {
  const bytes = new Uint8Array(tensorByteLength(dtype, shape as number[]));
  if (dtype === dtypes.float32) new Float32Array(bytes.buffer).forEach((_, i, all) => void (all[i] = Math.sin(i * 12.9898 + seed * 78.233) * 1.5));
  else if (dtype === dtypes.int64) new BigInt64Array(bytes.buffer).forEach((_, i, all) => void (all[i] = BigInt((i * 7 + seed * 3) % 4)));
  else bytes.forEach((_, i) => void (bytes[i] = (i * 5 + seed * 11) % (dtype === dtypes.bool ? 2 : 64)));
  return bytes;
}

/** What the graph for many jobs does to `jobs` of them, next to the one graph job by job; undefined if there is no graph for many. */
export function compareBatch(model: Uint8Array, jobs: number, given?: (info: ValueInfo, input: number, job: number) => Uint8Array): { bits: boolean; distance: number } | undefined {
  const many = batchGraph(model, { threads: 1 });
  if (many === undefined) return undefined;
  const one = createNativeSession(runtime, model, plainOptions, createArena(64));
  const session = runtime.open(many, plainOptions);
  const inputs = Array.from({ length: jobs }, (_, job) => one.info.inputs.map((info, i) => (given ?? ((own, input) => jobInput(own, job * 10 + input)))(info, i, job)));
  const results = session.run(one.info.inputs.map(({ dtype, shape: [first, ...rest] }, i) => ({ dtype, shape: [(first as number) * jobs, ...(rest as number[])], bytes: new Uint8Array(Buffer.concat(inputs.map((own) => own[i] as Uint8Array))) })));
  let bits = true;
  let distance = 0;
  inputs.forEach((own, job) => {
    const { bytes } = one.run(own);
    one.info.outputs.forEach(({ name, dtype }, i) => {
      const { bytes: all } = results[i] as { bytes: Uint8Array };
      const length = bytes[i]?.length ?? 0;
      if (all.length !== length * jobs) throw new Error(`${name} has ${all.length} bytes for ${jobs} jobs of ${length}`);
      const expected = new Uint8Array(bytes[i] as Uint8Array);
      const found = all.slice(job * length, (job + 1) * length);
      if (Buffer.compare(expected, found) === 0) return;
      bits = false;
      distance = Math.max(distance, dtype === dtypes.float32 ? farthest(new Float32Array(expected.buffer), new Float32Array(found.buffer)) : Infinity);
    });
  });
  one.release();
  session.release();
  return { bits, distance };
}

function farthest(expected: Float32Array, found: Float32Array): number {
  return expected.reduce((most, value, i) => (Object.is(value, found[i]) ? most : Math.max(most, Math.abs(value - (found[i] as number)) / (1e-6 + Math.abs(value)) || Infinity)), 0);
}
