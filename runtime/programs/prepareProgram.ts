import { GainsayError } from "../../protocol/errors.ts";
import { bordersGraph, blockGraph, cutGraph, executableGraph } from "../../protocol/lowering/executableGraph.ts";
import type { CompiledModel } from "../../protocol/lowering/compiledModel.ts";
import { runnableModel } from "../../protocol/lowering/floatTwin.ts";
import { checkGraph, commitShape, cutInputName, cutOutputName, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { hasInner, innerTensors, stepsOf } from "../../protocol/program/blocks.ts";
import { sources, type Step, type TraceTensor } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { tensorLeaves } from "../../protocol/trees/tensorTree.ts";
import type { Bundle } from "../bundle/bundle.ts";
import { weightBytes } from "../bundle/weightBytes.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { fromResult, seenByRuntime, throughFloats, toFeed } from "../inference/bfloats.ts";
import { commitTensors, rootOf } from "../inference/commitTrace.ts";
import type { Inference } from "../inference/createInference.ts";
import { optimiseGraph } from "../inference/optimiseGraph.ts";
import { executeTraced } from "../inference/traceExecution.ts";
import type { SessionInfo, TensorBytes } from "../inference/types.ts";
import type { LoadedProgram, PostedBytes } from "./loadedProgram.ts";

/**
 * Makes a bundle runnable; graphs are made and loaded into ONNX Runtime when they are first needed.
 *
 * A program with inner tensors runs as its executable graph (docs/compiler.md): optimised and saved once for this machine, then run as saved. The graph of
 * a single block is a part of it, loaded for one run only, since disputes are rare and weights are large.
 */
export function prepareProgram(bundle: Bundle, inference: Inference, hasher: Pick<Hasher, "commit">): LoadedProgram {
  const { program } = bundle;
  const seen = seenByRuntime(program);
  const twoLevel = hasInner(program);
  const sessions = new Map<string, Promise<SessionInfo>>();
  const weights = new Map<number, CommittedTensor>();
  let made: CompiledModel | undefined;
  let optimising: Promise<Uint8Array> | undefined;
  let blockRuns: Promise<unknown> = Promise.resolve();

  const keyOf = (kind: string): string => `${kind}/${program.root}`;

  const runnable = (): CompiledModel => (made ??= runnableModel(bundle));

  const optimised = (): Promise<Uint8Array> => {
    if (optimising === undefined) {
      optimising = optimiseGraph(throughFloats(program, cutGraph(runnable())), keyOf("cut"), inference);
      optimising.catch(() => (optimising = undefined));
    }
    return optimising;
  };

  const load = async (kind: string, graph: () => Uint8Array | Promise<Uint8Array>): Promise<SessionInfo> => inference.load(keyOf(kind), throughFloats(program, await graph()), twoLevel && kind !== "check" ? { optimization: "disabled" } : {});

  const session = (kind: "trace" | "borders" | "check", graph: () => Uint8Array | Promise<Uint8Array>): Promise<SessionInfo> => {
    let loading = sessions.get(kind);
    if (loading === undefined) {
      loading = load(kind, graph);
      sessions.set(kind, loading);
      loading.catch(() => sessions.delete(kind));
    }
    return loading;
  };

  /** Runs a cut graph on as much of the committed tensors as it reads. */
  const runCut = async (kind: string, { inputs }: SessionInfo, { inputs: given, tensors }: PostedBytes, signal: AbortSignal | undefined, inner: { specs: readonly TraceTensor[]; bytes: readonly Uint8Array[] } = { specs: [], bytes: [] }) => {
    const available = new Map<string, TensorBytes>();
    program.inputs.forEach(({ name, dtype, shape }, i) => available.set(name, toFeed({ dtype, shape, bytes: given[i] as Uint8Array })));
    const offer = (specs: readonly TraceTensor[], bytes: readonly Uint8Array[]): void => specs.forEach((spec, i) => available.set(cutInputName(spec.step), toFeed({ dtype: spec.dtype, shape: commitShape(spec), bytes: bytes[i] as Uint8Array })));
    offer(program.trace, tensors);
    offer(inner.specs, inner.bytes);
    const feeds = Object.fromEntries(inputs.map(({ name }) => [name, available.get(name) as TensorBytes]));
    const results = await inference.run(keyOf(kind), feeds, signal === undefined ? {} : { signal });
    return (step: number): Uint8Array => fromResult(results[cutOutputName(step)] as TensorBytes, (program.steps[step] as Step).result.dtype).bytes;
  };

  /** Loads a graph of one block, runs it, and lets it go; one at a time. */
  const runBlock = <T>(kind: string, graph: () => Uint8Array | Promise<Uint8Array>, run: (info: SessionInfo) => Promise<T>): Promise<T> => {
    const done = blockRuns.then(async () => {
      const info = await load(kind, graph);
      try {
        return await run(info);
      } finally {
        await inference.unload(keyOf(kind)).catch(() => undefined);
      }
    });
    blockRuns = done.catch(() => undefined);
    return done;
  };

  return {
    program,
    bundle,
    async execute(inputs, signal) {
      await session("trace", async () => (twoLevel ? executableGraph(seen, await optimised()) : tracedGraph(runnable())));
      return executeTraced({ program, tracedKey: keyOf("trace"), inference, hasher, inputs, ...(signal === undefined ? {} : { signal }) });
    },
    async recompute(inputs, tensors, signal) {
      const kind = twoLevel ? "borders" : "check";
      const info = await session(kind, async () => (twoLevel ? bordersGraph(seen, await optimised()) : checkGraph(runnable())));
      const computed = await runCut(kind, info, { inputs, tensors }, signal);
      return program.trace.map(({ step }) => computed(step));
    },
    async expand(blockIndex, posted, signal) {
      const specs = innerTensors(program, blockIndex);
      return runBlock("block", async () => blockGraph(seen, await optimised(), blockIndex), async (info) => {
        const computed = await runCut("block", info, posted, signal);
        const tensors = await commitTensors(specs.map(({ step }) => computed(step)), hasher);
        const borders = new Map(stepsOf(program, blockIndex).flatMap(([step, { result }]) => (result.source === sources.trace ? [[result.index, computed(step)] as const] : [])));
        return { blockIndex, innerRoot: tensors.length === 0 ? undefined : rootOf("inner", tensors.map(({ root }) => root)), tensors, borders };
      });
    },
    async recomputeSteps(blockIndex, posted, inner, signal) {
      const steps = stepsOf(program, blockIndex).map(([step]) => step);
      return runBlock("check", () => checkGraph(runnable(), steps), async (info) => {
        const computed = await runCut("check", info, posted, signal, { specs: innerTensors(program, blockIndex), bytes: inner });
        return steps.map(computed);
      });
    },
    weight(index) {
      let weight = weights.get(index);
      if (weight === undefined) {
        const spec = program.weights[index];
        if (spec === undefined) throw new GainsayError("The program has no such weight.", { code: "WEIGHT_UNKNOWN", details: { index } });
        const bytes = weightBytes(bundle, index);
        weight = { root: spec.root, bytes, leaves: tensorLeaves(bytes) };
        weights.set(index, weight);
      }
      return weight;
    },
  };
}
