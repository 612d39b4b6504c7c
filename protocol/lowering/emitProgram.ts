import type { Model } from "../onnx/parseModel.ts";
import { declaredTensor } from "../onnx/graphs.ts";
import { tensorBytes, tensorShape } from "../onnx/tensors.ts";
import type { TensorProto } from "../onnx/generated/onnx_pb.ts";
import { toHex, type Hex } from "../hex.ts";
import { elementCount, isHalf } from "../program/elements.ts";
import { dtypeBytes, NO_DIM, profiles, roles, sources, stepKinds, type Access, type Dtype, type Operand, type OutputSpec, type Role, type Source, type Step, type TensorSpec, type TraceTensor, type WeightTensor } from "../program/types.ts";
import { tensorRoot } from "../trees/tensorTree.ts";
import { abiWords } from "./abiWords.ts";
import type { Coordinate, DraftDim, DraftFactor, DraftStep, View } from "./draft.ts";
import { encodeExpression, expressionLeaves } from "./expression.ts";
import { borderSteps } from "./borders.ts";
import { appendStage, type IndexMap } from "./indexMap.ts";
import { commitStrides, identityPerm, permForReader, permuteBytes } from "./layout.ts";
import type { LoweredGraph } from "./lowerGraph.ts";

/** Everything of a program that the header commits to. */
export interface ProgramTables {
  steps: Step[];
  inputs: TensorSpec[];
  outputs: OutputSpec[];
  trace: TraceTensor[];
  inner: TraceTensor[];
  weights: WeightTensor[];
  nodes: string[][];
}

const NO_ROOT: Hex = `0x${"00".repeat(32)}`;

/**
 * Chooses the commit layout of every result and weight so that contractions read contiguously, and writes the step descriptors.
 * `blockOf[i]` is the block of step i, ascending from 0 without a gap; a result that another block reads, or an output, is posted.
 */
export function emitProgram(model: Model, lowered: LoweredGraph, blockOf: readonly number[]): ProgramTables {
  const perms = choosePerms(lowered.steps);
  const places = placeResults(lowered, blockOf);
  const initializers = new Map(model.graph.initializer.map((tensor) => [tensor.name, tensor]));
  const weights = new WeightTable(initializers);
  const emitter = new Emitter(perms, places, weights);
  const steps = lowered.steps.map((step, index) => emitter.step(step, index, blockOf[index]!));
  const tensors = lowered.steps.map((step, index): TraceTensor => ({ name: step.name, dtype: step.dtype, shape: [...step.shape], perm: perms[index]!, step: index }));
  const from = (source: Source): TraceTensor[] => tensors.filter((_, index) => places[index]!.source === source);
  return {
    steps,
    inputs: model.graph.input.map((info) => {
      const type = declaredTensor(info)!;
      return { name: info.name, dtype: type.elemType as Dtype, shape: (type.dims ?? []).map(Number) };
    }),
    outputs: lowered.outputs.map(({ name, shape, view }) => ({ name, dtype: view.dtype, shape: [...shape], trace: view.base.kind === "step" ? places[view.base.index]!.index : -1, access: emitter.outputAccess(view) })),
    trace: from(sources.trace),
    inner: from(sources.inner),
    weights: weights.list,
    nodes: lowered.steps.map(({ nodes }) => nodes),
  };
}

/** Where a result is committed: in the posted trace, or in the inner trace of its block. */
interface Place {
  source: Source;
  index: number;
}

function placeResults({ steps, outputs }: LoweredGraph, blockOf: readonly number[]): Place[] {
  const posted = borderSteps(steps, outputs, blockOf);
  let traceCount = 0;
  let innerCount = 0;
  return steps.map((_, index) => {
    if (index > 0 && blockOf[index] !== blockOf[index - 1]) innerCount = 0;
    return posted.has(index) ? { source: sources.trace, index: traceCount++ } : { source: sources.inner, index: innerCount++ };
  });
}

/** Each result takes the order that its most demanding reader wants. */
function choosePerms(steps: readonly DraftStep[]): number[][] {
  const best = new Map<number, { perm: number[]; priority: number }>();
  for (const step of steps) {
    for (const { view, wanted } of step.core?.factors ?? []) {
      if (wanted === undefined || view.base.kind !== "step") continue;
      const perm = permForReader(view, wanted.order);
      const { index } = view.base;
      if (perm !== undefined && wanted.priority > (best.get(index)?.priority ?? 0)) best.set(index, { perm, priority: wanted.priority });
    }
  }
  return steps.map((step, index) => best.get(index)?.perm ?? identityPerm(step.shape.length));
}

class WeightTable {
  readonly list: WeightTensor[] = [];
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #index = new Map<string, number>();

  constructor(initializers: ReadonlyMap<string, TensorProto>) {
    this.#initializers = initializers;
  }

  /** Index of an initialiser in a commit order; the same initialiser may be committed in several. */
  indexOf(name: string, perm: number[]): number {
    const key = JSON.stringify([name, perm]);
    let index = this.#index.get(key);
    if (index === undefined) {
      const tensor = this.#initializers.get(name)!;
      const shape = tensorShape(tensor);
      const dtype = tensor.dataType as Dtype;
      const bytes = permuteBytes(tensorBytes(tensor), dtypeBytes[dtype], shape, perm);
      index = this.list.push({ name, dtype, shape, perm, root: toHex(tensorRoot(bytes)) }) - 1;
      this.#index.set(key, index);
    }
    return index;
  }
}

class Emitter {
  readonly #perms: readonly number[][];
  readonly #places: readonly Place[];
  readonly #weights: WeightTable;

  constructor(perms: readonly number[][], places: readonly Place[], weights: WeightTable) {
    this.#perms = perms;
    this.#places = places;
    this.#weights = weights;
  }

  step(step: DraftStep, index: number, blockIndex: number): Step {
    const perm = this.#perms[index]!;
    // Position of each draft dimension in commit order; the parts of a split axis stay together.
    const order = perm.flatMap((axis) => step.dims.flatMap((dim, k) => (dim.axis === axis ? [k] : [])));
    const reduceRank = step.core?.reduce.length ?? 0;
    const whole = (view: View, role: Role): Operand => this.#operand({ view, coordinates: axisCoordinates(step, reduceRank), windows: [] }, role, order, reduceRank);
    const values: Operand[] = [];
    const slots = new Map<string, number>();
    const firstSlot = step.core === undefined ? 0 : 1;
    const slotOf = new Map<View, number>();
    for (const view of expressionLeaves(step.expression)) {
      const operand = whole(view, roles.value);
      const key = JSON.stringify(operand);
      const slot = slots.get(key) ?? firstSlot + values.push(operand) - 1;
      slots.set(key, slot);
      slotOf.set(view, slot);
    }
    return {
      version: 1,
      kind: step.core?.kind ?? stepKinds.map,
      op: step.core?.op ?? 0,
      profile: [...(step.core?.factors ?? []).map(({ view }) => view.dtype), ...expressionLeaves(step.expression).map(({ dtype }) => dtype), step.dtype].some(isHalf) ? profiles.halfStorage : profiles.fp32,
      blockIndex,
      result: { dtype: step.dtype, ...this.#places[index]!, shape: order.map((k) => step.dims[k]!.size) },
      reduce: [...(step.core?.reduce ?? [])],
      operands: [
        ...(step.core?.factors ?? []).map((factor) => this.#operand(factor, factor.role ?? roles.factor, order, reduceRank)),
        ...(step.core?.addends ?? []).map((view) => whole(view, roles.addend)),
        ...values,
      ],
      expression: step.expression.kind === "core" ? new Uint8Array(0) : encodeExpression(step.expression, (view) => slotOf.get(view)!),
      attributes: this.#attributes(step),
    };
  }

  /** How the row-major elements of an output are found in the committed bytes. */
  outputAccess(view: View): Access {
    const map = this.#committed(view, view.base.kind === "step" ? this.#perms[view.base.index]! : identityPerm(view.baseShape.length));
    return { offset: map.offset, outStrides: [...map.strides], reduceStrides: [], windows: [], stages: map.stages };
  }

  #attributes({ core }: DraftStep): Uint8Array {
    if (core?.gatherAxis === undefined) return core?.attributes ?? new Uint8Array(0);
    const data = core.factors[1]!;
    const map = this.#committed(data.view, this.#place(data).perm);
    return abiWords(BigInt(map.strides[core.gatherAxis]!), BigInt(data.view.map.shape[core.gatherAxis]!));
  }

  #operand(factor: DraftFactor, role: Role, order: readonly number[], reduceRank: number): Operand {
    const { view } = factor;
    const place = this.#place(factor);
    const map = this.#committed(view, place.perm);
    const combine = (pick: (coordinate: Coordinate) => number): number => factor.coordinates.reduce((sum, coordinate, j) => sum + pick(coordinate) * map.strides[j]!, 0);
    return {
      role,
      dtype: view.dtype,
      source: place.source,
      index: place.index,
      root: place.root,
      elements: elementCount(view.baseShape),
      access: {
        offset: map.offset + combine(({ offset }) => offset),
        outStrides: order.map((k) => combine(({ out }) => out[k]!)),
        reduceStrides: Array.from({ length: reduceRank }, (_, k) => combine(({ reduce }) => reduce[k]!)),
        windows: factor.windows.map((window) => ({ ...window, outDim: window.outDim === NO_DIM ? NO_DIM : order.indexOf(window.outDim) })),
        stages: map.stages,
      },
    };
  }

  #place({ view, wanted }: DraftFactor): { source: Operand["source"]; index: number; root: Hex; perm: number[] } {
    const { base } = view;
    const rank = view.baseShape.length;
    if (base.kind === "input") return { source: sources.input, index: base.index, root: NO_ROOT, perm: identityPerm(rank) };
    if (base.kind === "step") return { ...this.#places[base.index]!, root: NO_ROOT, perm: this.#perms[base.index]! };
    const perm = (wanted === undefined ? undefined : permForReader(view, wanted.order)) ?? identityPerm(rank);
    const index = this.#weights.indexOf(base.name, perm);
    return { source: sources.weight, index, root: this.#weights.list[index]!.root, perm };
  }

  #committed(view: View, perm: readonly number[]): IndexMap {
    return appendStage(view.map, { offset: 0, shape: view.baseShape, strides: commitStrides(view.baseShape, perm) });
  }
}

/** Coordinates of the result's axes in terms of its dimensions. */
function axisCoordinates(step: DraftStep, reduceRank: number): Coordinate[] {
  return step.shape.map((_, axis) => ({
    offset: 0,
    out: step.dims.map((dim, k) => (dim.axis === axis ? innerSize(step.dims, k) : 0)),
    reduce: new Array<number>(reduceRank).fill(0),
  }));
}

/** Number of elements of the axis that one step along dimension k skips. */
function innerSize(dims: readonly DraftDim[], k: number): number {
  return dims.slice(k + 1).reduce((product, dim) => (dim.axis === dims[k]!.axis ? product * dim.size : product), 1);
}
