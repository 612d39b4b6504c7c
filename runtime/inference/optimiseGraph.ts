import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Inference } from "./createInference.ts";

/**
 * The graph as ONNX Runtime optimises it for this machine and provider at the inference's own level, with operators and layouts that only it knows.
 * Run at level `disabled` it computes what a session of the level itself computes, and whatever is exposed of it then changes no bit.
 * Throws what `Inference.load` throws.
 */
export async function optimiseGraph(graph: Uint8Array, key: string, inference: Pick<Inference, "load" | "unload">, signal?: AbortSignal): Promise<Uint8Array> {
  const folder = await mkdtemp(path.join(tmpdir(), "gainsay-graph-"));
  try {
    const saveOptimizedTo = path.join(folder, "model.onnx");
    await inference.load(key, graph, { saveOptimizedTo, ...(signal === undefined ? {} : { signal }) });
    await inference.unload(key);
    return new Uint8Array(await readFile(saveOptimizedTo));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
