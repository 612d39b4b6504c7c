import { writeFile } from "node:fs/promises";
import { GainsayError } from "../../protocol/errors.ts";
import { commitShape, cutInputName, cutOutputName } from "../../protocol/lowering/graphNames.ts";
import { hasInner, innerTensors, stepsOf } from "../../protocol/program/blocks.ts";
import { sources, type Step, type TraceTensor } from "../../protocol/program/types.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { tensorLeaves } from "../../protocol/trees/tensorTree.ts";
import { listRootOf } from "../../protocol/trees/listTree.ts";
import type { Bundle } from "../bundle/bundle.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import { fromResult, toFeed } from "../inference/bfloats.ts";
import { commitTensors } from "../inference/commitTrace.ts";
import type { Inference } from "../inference/createInference.ts";
import { optimiseGraph } from "../inference/optimiseGraph.ts";
import { executeTraced } from "../inference/traceExecution.ts";
import type { ModelFile, Optimization, SessionInfo, TensorBytes } from "../inference/types.ts";
import { createBatchRuns, type BatchRuns } from "./batchRuns.ts";
import type { createGraphMaker } from "./createGraphMaker.ts";
import type { Graph, GraphStore, ProgramGraphs } from "./graphs.ts";
import type { LoadedProgram, PostedBytes } from "./loadedProgram.ts";
import { memoryGraphs } from "./memoryGraphs.ts";

/** Graphs that one run may find damaged, one after the other: its own, and the one that it is made of. */
const DAMAGED_GRAPHS = 2;

type Maker = ReturnType<typeof createGraphMaker>;

export interface PrepareOptions {
  /** Where the program's graphs are kept; default: nowhere, they are made by each process that runs it. */
  graphs?: GraphStore | undefined;
}

/**
 * Makes a bundle runnable; graphs are made and loaded into ONNX Runtime when they are first needed.
 *
 * A program runs as its executable graph (docs/compiler.md): optimised and saved once for this machine, then run as saved. The graph of
 * a single block is a part of it, loaded for one run only, since disputes are rare and weights are large. With a store no graph stays in this process's memory.
 */
export function prepareProgram(bundle: Bundle, inference: Inference, hasher: Pick<Hasher, "commit">, { graphs: store }: PrepareOptions = {}): LoadedProgram {
  const { program } = bundle;
  const twoLevel = hasInner(program);
  const sessions = new Map<string, Promise<SessionInfo>>();
  const weights = new Map<number, WeakRef<CommittedTensor>>();
  let graphs: Promise<ProgramGraphs> | undefined;
  const optimising = new Map<string, Promise<Graph>>();
  let blockRuns: Promise<unknown> = Promise.resolve();
  let batches: BatchRuns | undefined;

  const keyOf = (kind: string): string => `${kind}/${program.root}`;

  let making: Promise<Maker> | undefined;
  /** Kept, since an `import` takes a dozen microseconds each time. */
  const maker = (): Promise<Maker> => (making ??= import("./createGraphMaker.ts").then(({ createGraphMaker }) => createGraphMaker(bundle)));

  const opened = (): Promise<ProgramGraphs> => {
    if (graphs === undefined) {
      graphs = store === undefined ? Promise.resolve(memoryGraphs()) : store.open(program.root, inference.start().then(({ version }) => version));
      graphs.catch(() => (graphs = undefined));
    }
    return graphs;
  };

  const graph = async (name: string, write: (file: string) => Promise<void>, from?: Graph): Promise<Graph> => (await opened()).of(name, write, from);

  /** What ONNX Runtime makes of a graph at the inference's own level; it runs as saved ever after. */
  const optimised = (name: "cut" | "trace", make: (maker: Maker) => Uint8Array): Promise<Graph> => {
    let making = optimising.get(name);
    if (making === undefined) {
      making = graph(name, async (file) => optimiseGraph(make(await maker()), keyOf(name), file, inference));
      optimising.set(name, making);
      making.catch(() => optimising.delete(name));
    }
    return making;
  };

  const cut = (): Promise<Graph> => optimised("cut", (made) => made.cut());

  /** A graph made of the optimised cut graph. */
  const derived = async (name: string, make: (maker: Maker, optimised: Uint8Array) => Uint8Array): Promise<Graph> => {
    const from = await cut();
    return graph(name, async (file) => writeFile(file, make(await maker(), await from.bytes())), from);
  };

  const graphOf = (kind: "trace" | "borders" | "check"): Promise<Graph> => {
    if (kind === "check") return graph(kind, async (file) => writeFile(file, (await maker()).check()));
    if (kind === "borders") return derived(kind, (made, bytes) => made.borders(bytes));
    // Where every tensor is posted nothing is cut, and one optimisation makes the graph that runs.
    return twoLevel ? derived(kind, (made, bytes) => made.executable(bytes)) : optimised(kind, (made) => made.traced());
  };

  const load = (kind: string, source: Uint8Array | ModelFile, optimization: Optimization | undefined): Promise<SessionInfo> => inference.load(keyOf(kind), source, optimization === undefined ? {} : { optimization });

  /** Sessions that stay. */
  const session = (kind: "trace" | "borders" | "check"): Promise<SessionInfo> => {
    let loading = sessions.get(kind);
    if (loading === undefined) {
      loading = graphOf(kind).then(({ source }) => load(kind, source, kind === "check" ? undefined : "disabled"));
      sessions.set(kind, loading);
      loading.catch(() => sessions.delete(kind));
    }
    return loading;
  };

  /** A graph that is found damaged is removed: what was made of it is forgotten here too, and all of it is made again. */
  const sound = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof GainsayError && error.code === "GRAPH_DAMAGED") || tried > DAMAGED_GRAPHS) throw error;
        sessions.clear();
        optimising.clear();
        batches = undefined;
      }
    }
  };

  const batchRuns = (): BatchRuns =>
    (batches ??= createBatchRuns(inference, {
      key: keyOf("trace"),
      session: () => session("trace"),
      graph: () => graphOf("trace"),
      async make(from, bytes) {
        const made = (await maker()).batch(bytes, inference.threads);
        return made && graph("batch", (file) => writeFile(file, made), from);
      },
    }));

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

  /** Loads a graph for one run, and lets it go; one at a time. */
  const runOnce = <T>(kind: string, optimization: Optimization | undefined, source: () => Promise<Uint8Array>, run: (info: SessionInfo) => Promise<T>): Promise<T> => {
    const done = blockRuns.then(async () => {
      const info = await load(kind, await source(), optimization);
      try {
        return await run(info);
      } finally {
        await inference.unload(keyOf(kind)).catch(() => undefined);
      }
    });
    blockRuns = done.catch(() => undefined);
    return done;
  };

  /** Steps of a block, each run on committed tensors. */
  const recomputed = (blockIndex: number, steps: readonly number[], posted: PostedBytes, inner: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<Uint8Array[]> =>
    runOnce("steps", undefined, async () => (await maker()).check(steps), async (info) => {
      const computed = await runCut("steps", info, posted, signal, { specs: innerTensors(program, blockIndex), bytes: inner });
      return steps.map(computed);
    });

  const weightAt = (made: Maker, index: number): CommittedTensor => {
    const known = weights.get(index)?.deref();
    if (known !== undefined) return known;
    const spec = program.weights[index];
    if (spec === undefined) throw new GainsayError("The program has no such weight.", { code: "WEIGHT_UNKNOWN", details: { index } });
    const bytes = made.weight(index);
    const weight = { root: spec.root, bytes, leaves: tensorLeaves(bytes) };
    weights.set(index, new WeakRef(weight));
    return weight;
  };

  return {
    program,
    bundle,
    execute: (inputs, signal) =>
      sound(async () => {
        // What has no root yet is hashed while the session is made. What cannot be hashed does not fit the session either, which says more.
        const committed = commitTensors(inputs, hasher).catch(() => inputs);
        await session("trace");
        const end = batchRuns().begin();
        return executeTraced({ program, tracedKey: keyOf("trace"), inference, hasher, inputs: await committed, ...(signal === undefined ? {} : { signal }) }).finally(end);
      }),
    recompute: (inputs, tensors, signal) =>
      sound(async () => {
        const kind = twoLevel ? "borders" : "check";
        const computed = await runCut(kind, await session(kind), { inputs, tensors }, signal);
        return program.trace.map(({ step }) => computed(step));
      }),
    async expand(blockIndex, posted, signal) {
      const specs = innerTensors(program, blockIndex);
      const source = async (): Promise<Uint8Array> => (await maker()).block(await (await cut()).bytes(), blockIndex);
      return sound(() =>
        runOnce("block", "disabled", source, async (info) => {
          const computed = await runCut("block", info, posted, signal);
          const tensors = await commitTensors(specs.map(({ step }) => computed(step)), hasher);
          const borders = new Map(stepsOf(program, blockIndex).flatMap(([step, { result }]) => (result.source === sources.trace ? [[result.index, computed(step)] as const] : [])));
          return { blockIndex, innerRoot: tensors.length === 0 ? undefined : listRootOf("inner", tensors.map(({ root }) => root)), tensors, borders };
        }),
      );
    },
    async graphName() {
      const { setting } = await opened();
      // Of what is not the processor the setting says no more than the provider.
      return setting === undefined || inference.provider !== "cpu" ? undefined : `${setting}/${(await (twoLevel ? cut() : graphOf("trace"))).sha256}`;
    },
    recomputeSteps: (blockIndex, posted, inner, signal) => recomputed(blockIndex, stepsOf(program, blockIndex).map(([step]) => step), posted, inner, signal),
    async recomputeStep(stepIndex, posted, inner, signal) {
      const [result] = await recomputed((program.steps[stepIndex] as Step).blockIndex, [stepIndex], posted, inner, signal);
      return result as Uint8Array;
    },
    async weights() {
      const made = await maker();
      return (index) => weightAt(made, index);
    },
  };
}
