import type { Inference } from "./createInference.ts";

/**
 * Writes the graph as ONNX Runtime optimises it for this machine and provider at the inference's own level, with operators and layouts that only it knows, to `file`.
 * Run at level `disabled` it computes what a session of the level itself computes, and whatever is exposed of it then changes no bit.
 * Throws what `Inference.load` throws.
 */
export async function optimiseGraph(graph: Uint8Array, key: string, file: string, inference: Pick<Inference, "load" | "unload">, signal?: AbortSignal): Promise<void> {
  await inference.load(key, graph, { saveOptimizedTo: file, ...(signal === undefined ? {} : { signal }) });
  await inference.unload(key);
}
