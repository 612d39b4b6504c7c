import type { Bundle } from "../bundle/bundle.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { toHex } from "../../protocol/hex.ts";
import { assembleProgram } from "../../protocol/lowering/assembleProgram.ts";
import { chooseBlocks, type Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import { emitProgram } from "../../protocol/lowering/emitProgram.ts";
import { foreignOffenders, lowerGraph, narrowCasts, plainOffenders, unsupportedError, type Offender } from "../../protocol/lowering/lowerGraph.ts";
import type { ValueType } from "../../protocol/lowering/lowering.ts";
import { hasHalves } from "../../protocol/lowering/floatTwin.ts";
import { LEAST_TERMS, partialSums } from "../../protocol/lowering/rewrites/partialSums.ts";
import { needsRewriting, rewriteGraph } from "../../protocol/lowering/rewrites/rewriteGraph.ts";
import { reservedName } from "../../protocol/lowering/graphNames.ts";
import { parseModel, type Model } from "../../protocol/onnx/parseModel.ts";
import { pruneModel } from "../../protocol/onnx/pruneModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import type { FoldRunner } from "./createFoldRunner.ts";
import { foldHalves } from "./foldHalves.ts";
import { fixShapes } from "./fixShapes.ts";
import { normalizeModel } from "./normalizeModel.ts";
import { readTypes } from "./readTypes.ts";
import { setWeightsAside } from "./setWeightsAside.ts";

/** Operators that disappear once all shapes are known. */
const shapeArithmetic = new Set(["Shape", "Size", "ConstantOfShape", "Range"]);

/** Operators that folding takes away, and that may be run on zeros before. */
const foldable: ReadonlySet<string> = new Set([...shapeArithmetic, "Constant"]);

/** What a replacement brings in may have to be replaced in turn. */
const MAX_ROUNDS = 8;

export interface CompileOptions {
  /** Bytes of an ONNX file. */
  modelBytes: Uint8Array;
  /** Shape of each input whose declared shape is not fixed. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** `layer`: every step is a block of its own. `block`: few cuts, at narrow tensors after contractions. Default `layer`. */
  granularity?: Granularity;
  /** Most terms of a contraction of floats; longer ones are summed in parts that are committed, whose bounds are narrower. Default: no limit. */
  splitSums?: number;
}

export interface CompileDependencies {
  runner: FoldRunner;
}

/**
 * Compiles an ONNX model with fixed input shapes to a program. The same file and shapes give the same bytes.
 *
 * Throws the errors of `parseModel`; `MODEL_SHAPE` where an input's shape is missing, unknown or contradictory;
 * `MODEL_UNSUPPORTED` with every offending node; `MODEL_REJECTED`, `RUNTIME_CRASHED` and `RUNTIME_TIMEOUT` from ONNX Runtime.
 */
export async function compileModel(options: CompileOptions, { runner }: CompileDependencies): Promise<Bundle> {
  const source = parseModel(options.modelBytes);
  fixShapes(source, options.shapes ?? {});
  pruneModel(source);
  if (narrowCasts(source).length > 0) throw unsupportedError(foreignOffenders(source));
  const plain = await rewritten(await fold(source, runner), runner);
  const { folded, types } = options.splitSums === undefined ? plain : await split(plain, options.splitSums, runner);
  normalizeModel(folded);
  const names = reservedNames(folded);
  if (names.length > 0) {
    throw new GainsayError(`The model uses names that are kept for traces: ${names.join(", ")}; rename them.`, { code: "MODEL_NAMES", kind: "usage", details: { names } });
  }
  const model = serializeModel(folded);
  const lowered = lowerGraph(folded, types);
  const program = assembleProgram(toHex(sha256(model)), emitProgram(folded, lowered, chooseBlocks(lowered, options.granularity ?? "layer")));
  return { program, model };
}

/** Constants folded; twice where functions that ONNX Runtime writes out at the end of the first time leave shape arithmetic behind. */
async function fold(source: Model, runner: FoldRunner): Promise<Model> {
  if (hasHalves(source)) return foldHalves(source, runner, plainOffenders(source).every(({ op }) => foldable.has(op))).catch(preferring(foreignOffenders(source)));
  const folded = await foldOnce(source, runner, foreignOffenders(source));
  return folded.graph.node.some(({ opType }) => shapeArithmetic.has(opType)) ? foldOnce(folded, runner, foreignOffenders(source)) : folded;
}

async function foldOnce(model: Model, runner: FoldRunner, offenders: readonly Offender[]): Promise<Model> {
  const inputs = new Set(model.graph.input.map(({ name }) => name));
  const aside = setWeightsAside(model);
  const folded = parseModel(await runner.fold(serializeModel(aside.model)).catch(preferring(offenders)));
  aside.restore(folded);
  // In old file formats ONNX Runtime lists the constants that it found among the inputs.
  folded.graph.input = folded.graph.input.filter(({ name }) => inputs.has(name));
  return pruneModel(folded);
}

interface Rewritten {
  folded: Model;
  types: ReadonlyMap<string, ValueType>;
}

/** The graph with operators that are no steps replaced by others, and what is constant then folded again; and the types of its values. */
async function rewritten(model: Model, runner: FoldRunner): Promise<Rewritten> {
  for (let round = 0; ; round++) {
    const offenders = plainOffenders(model);
    const types = await readTypes(model, runner, offenders.length === 0).catch(preferring(offenders));
    if (round === MAX_ROUNDS || !needsRewriting(model) || rewriteGraph(model, types) === 0) return { folded: model, types };
    const constants = new Set(model.graph.initializer.map(({ name }) => name));
    const folds = model.graph.node.some(({ input }) => input.every((name) => name === "" || constants.has(name)));
    if (folds && hasHalves(model)) model = await foldHalves(model, runner, offenders.length === 0).catch(preferring(offenders));
    else model = folds ? await foldOnce(model, runner, offenders) : pruneModel(model);
  }
}

/** Long sums in parts. Throws `SPLIT_SUMS` for a limit that is too small. */
async function split({ folded, types }: Rewritten, limit: number, runner: FoldRunner): Promise<Rewritten> {
  if (!Number.isInteger(limit) || limit < LEAST_TERMS) {
    throw new GainsayError(`Sums cannot be split into parts of ${limit} terms; give a whole number of at least ${LEAST_TERMS}.`, { code: "SPLIT_SUMS", kind: "usage", details: { limit } });
  }
  return rewriteGraph(folded, types, partialSums(limit)) === 0 ? { folded, types } : rewritten(await foldOnce(folded, runner, plainOffenders(folded)), runner);
}

/** Where ONNX Runtime fails on a model that is not supported anyway, the list of offenders says more than its message. */
function preferring(offenders: readonly Offender[]): (error: unknown) => never {
  return (error) => {
    throw offenders.length > 0 ? unsupportedError(offenders) : error;
  };
}

function reservedNames(model: Model): string[] {
  const names = [...model.graph.input, ...model.graph.initializer].map(({ name }) => name);
  return [...names, ...model.graph.node.flatMap(({ output }) => output)].filter((name) => reservedName.test(name));
}
