import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { checkGraph, cutInputName, cutOutputName, tracedGraph } from "../../protocol/lowering/tracedGraph.ts";
import { commitShape } from "../../protocol/lowering/tracedGraph.ts";
import type { Program } from "../../protocol/program/types.ts";
import { tensorLeaves } from "../../protocol/trees/tensorTree.ts";
import type { Bundle } from "../bundle/bundle.ts";
import { readBundle } from "../bundle/readBundle.ts";
import { weightBytes } from "../bundle/weightBytes.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import type { Inference } from "../inference/createInference.ts";
import { executeTraced } from "../inference/traceExecution.ts";
import type { Trace } from "../inference/trace.ts";
import type { TensorBytes } from "../inference/types.ts";

/** A compiled program, ready to run and to check. */
export interface LoadedProgram {
  readonly program: Program;
  readonly bundle: Bundle;
  /** Runs the traced graph on committed input bytes and commits to the trace. */
  execute(inputs: readonly Uint8Array[], signal?: AbortSignal): Promise<Trace>;
  /**
   * Computes every trace tensor again, each from the committed tensors given, in one run of the graph cut at all of them.
   * Result i depends on the inputs and on earlier entries of `tensors` only.
   */
  recompute(inputs: readonly Uint8Array[], tensors: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array[]>;
  /** A weight in the layout in which it is committed. */
  weight(index: number): CommittedTensor;
}

/** The programs that stand in folders of bundles, in each of them one folder a program root. */
export interface Programs {
  /** Roots of all bundles. */
  list(): Promise<Hex[]>;
  /** Opens a program; undefined if its bundle is not here. Throws what `readBundle` throws for a damaged bundle. */
  open(root: Hex): Promise<LoadedProgram | undefined>;
}

export interface ProgramsDependencies {
  inference: Inference;
  hasher: Hasher;
}

/** Opens bundles below the folders on demand and keeps them open; an earlier folder goes first. */
export function createPrograms(folders: readonly string[], { inference, hasher }: ProgramsDependencies): Programs {
  const opened = new Map<Hex, Promise<LoadedProgram>>();

  const load = async (folder: string, root: Hex): Promise<LoadedProgram> => {
    const bundle = await readBundle(path.join(folder, root));
    if (bundle.program.root !== root) {
      throw new GainsayError("The bundle in this folder is of another program than the folder's name says; compile the model again.", { code: "BUNDLE_MISPLACED", details: { root, found: bundle.program.root } });
    }
    return prepare(bundle, inference, hasher);
  };

  return {
    async list() {
      const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
      return [...new Set(names.flat().filter((name): name is Hex => /^0x[0-9a-f]{64}$/.test(name)))].sort();
    },
    async open(root) {
      const folder = folders.find((candidate) => existsSync(path.join(candidate, root)));
      if (folder === undefined) return undefined;
      let program = opened.get(root);
      if (program === undefined) {
        program = load(folder, root);
        opened.set(root, program);
        program.catch(() => opened.delete(root));
      }
      return program;
    },
  };
}

/** Makes a bundle runnable; graphs are loaded into ONNX Runtime when they are first needed. */
export function prepare(bundle: Bundle, inference: Inference, hasher: Hasher): LoadedProgram {
  const { program } = bundle;
  const sessions = new Map<string, Promise<string>>();
  const weights = new Map<number, CommittedTensor>();

  const session = (kind: "trace" | "check", graph: () => Uint8Array): Promise<string> => {
    const key = `${kind}/${program.root}`;
    let loading = sessions.get(key);
    if (loading === undefined) {
      loading = inference.load(key, graph()).then(() => key);
      sessions.set(key, loading);
      loading.catch(() => sessions.delete(key));
    }
    return loading;
  };

  return {
    program,
    bundle,
    async execute(inputs, signal) {
      const tracedKey = await session("trace", () => tracedGraph(bundle));
      return executeTraced({ program, tracedKey, inference, hasher, inputs, ...(signal === undefined ? {} : { signal }) });
    },
    async recompute(inputs, tensors, signal) {
      const key = await session("check", () => checkGraph(bundle));
      const feeds: Record<string, TensorBytes> = {};
      program.inputs.forEach(({ name, dtype, shape }, i) => (feeds[name] = { dtype, shape, bytes: inputs[i] as Uint8Array }));
      program.trace.forEach((tensor, i) => (feeds[cutInputName(i)] = { dtype: tensor.dtype, shape: commitShape(tensor), bytes: tensors[i] as Uint8Array }));
      const results = await inference.run(key, feeds, signal === undefined ? {} : { signal });
      return program.trace.map((_, i) => (results[cutOutputName(i)] as TensorBytes).bytes);
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
