import { batchGraph } from "../../protocol/lowering/batching/batchGraph.ts";
import { blockGraph, bordersGraph, cutGraph, executableGraph } from "../../protocol/lowering/executableGraph.ts";
import { runnableModel } from "../../protocol/lowering/floatTwin.ts";
import { checkGraph, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import type { Bundle } from "../bundle/bundle.ts";
import { weightBytes } from "../bundle/weightBytes.ts";
import { seenByRuntime } from "../inference/bfloats.ts";
import { throughFloats } from "../inference/throughFloats.ts";

/**
 * Makes the graphs that a program runs as from its bundle, and from what ONNX Runtime made of its cut graph (`optimised`). Loaded when a graph is not kept yet or a
 * weight is asked for: a start needs neither, nor the reading of models that it brings along.
 */
export function createGraphMaker(bundle: Bundle) {
  const seen = seenByRuntime(bundle.program);
  const through = (graph: Uint8Array): Uint8Array => throughFloats(bundle.program, graph);
  return {
    cut: (): Uint8Array => through(cutGraph(runnableModel(bundle))),
    traced: (): Uint8Array => through(tracedGraph(runnableModel(bundle))),
    check: (steps?: readonly number[]): Uint8Array => through(checkGraph(runnableModel(bundle), steps)),
    executable: (optimised: Uint8Array): Uint8Array => through(executableGraph(seen, optimised)),
    borders: (optimised: Uint8Array): Uint8Array => through(bordersGraph(seen, optimised)),
    /** The executable graph for many jobs; undefined if it can do only one. */
    batch: (executable: Uint8Array, threads: number): Uint8Array | undefined => batchGraph(executable, { threads }),
    block: (optimised: Uint8Array, blockIndex: number): Uint8Array => through(blockGraph(seen, optimised, blockIndex)),
    weight: (index: number): Uint8Array => weightBytes(bundle, index),
  };
}
