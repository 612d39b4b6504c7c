import { floatValues, integerValues, elementCount, tensorShape } from "../onnx/tensors.ts";
import type { GraphProto, NodeProto, TensorProto } from "../onnx/generated/onnx_pb.ts";
import { dtypes, stepKinds } from "../program/types.ts";
import { MAX_OPERANDS, Refusal, UnknownType, type Base, type DraftStep, type View } from "./draft.ts";
import { MAX_EXPRESSION_DEPTH, expressionDepth, expressionLeaves, formula, type Expression } from "./expression.ts";
import { expandMap, identityMap, type IndexMap } from "./indexMap.ts";

/** Element type and shape of a value of the graph, as ONNX Runtime reported them. */
export interface ValueType {
  dtype: number;
  shape: number[];
}

/** What a value of the graph is while lowering: a committed tensor seen through a view, or a step that may still grow. */
type Value = { view: View } | { step: DraftStep; view?: View };

/** The state of lowering one graph: which values are views, which steps are drafted, who reads what. */
export class Lowering {
  readonly steps: DraftStep[] = [];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  readonly types: ReadonlyMap<string, ValueType>;
  readonly opset: number;
  readonly #values = new Map<string, Value>();
  readonly #readers = new Map<string, number>();
  readonly #outputs: ReadonlySet<string>;
  readonly #poisoned = new Set<string>();

  constructor(graph: GraphProto, types: ReadonlyMap<string, ValueType>, opset: number) {
    this.types = types;
    this.opset = opset;
    this.initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.#outputs = new Set(graph.output.map(({ name }) => name));
    for (const node of graph.node) for (const name of node.input) this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1);
    graph.input.forEach(({ name }, index) => {
      const type = types.get(name);
      // Inputs that are no tensors have no type; the graph is refused for them anyway.
      if (type === undefined) this.#poisoned.add(name);
      else this.#values.set(name, { view: this.#whole({ kind: "input", index }, type.shape) });
    });
  }

  /** Type of a value; refuses values that ONNX Runtime did not report. */
  typeOf(name: string): ValueType {
    const initializer = this.initializers.get(name);
    if (initializer !== undefined) return { dtype: initializer.dataType, shape: tensorShape(initializer) };
    const type = this.types.get(name);
    if (type === undefined) throw new UnknownType(`the type of ${JSON.stringify(name)} is unknown`);
    return type;
  }

  /** Shape of a value. */
  shapeOf(name: string): number[] {
    return this.typeOf(name).shape;
  }

  /** Whether input `k` of the node is given. */
  has(node: NodeProto, k: number): boolean {
    return (node.input[k] ?? "") !== "";
  }

  /** Integers of a constant input; undefined if the input is missing; refuses an input that is computed. */
  integers(node: NodeProto, k: number, what: string): number[] | undefined {
    if (!this.has(node, k)) return undefined;
    const tensor = this.initializers.get(node.input[k]!);
    if (tensor === undefined) throw new Refusal(`its ${what} is computed at run time; only constants can be compiled`);
    return integerValues(tensor);
  }

  /** Values of a constant float32 input, or undefined if it is missing or no constant. */
  floats(node: NodeProto, k: number): Float32Array | undefined {
    const tensor = this.initializers.get(node.input[k] ?? "");
    return tensor?.dataType === dtypes.float32 ? floatValues(tensor) : undefined;
  }

  /** A value as a committed float32 tensor; commits the step behind it. */
  view(name: string): View {
    const type = this.typeOf(name);
    if (type.dtype !== dtypes.float32) throw new Refusal(`it reads ${JSON.stringify(name)}, which is not float32`);
    if (elementCount(type.shape) === 0) throw new Refusal(`it reads ${JSON.stringify(name)}, which has no elements`);
    const value = this.#values.get(name);
    if (value === undefined) {
      if (this.initializers.has(name)) return this.#whole({ kind: "weight", name }, type.shape);
      if (this.#poisoned.has(name)) return this.#whole({ kind: "step", index: -1 }, type.shape);
      throw new Refusal(`it reads ${JSON.stringify(name)}, which nothing defines`);
    }
    if ("step" in value) return (value.view ??= this.#commit(value.step));
    return value.view;
  }

  /** Declares an output of the node to be another tensor seen through a map. */
  defineView(name: string, view: View, map: IndexMap): void {
    this.#values.set(name, { view: { ...view, map } });
  }

  /** Declares an output to be the very same value as an input, so that later nodes can still fuse with it. */
  defineAlias(name: string, source: string): void {
    const value = this.#values.get(source);
    this.#values.set(name, value !== undefined && "step" in value && this.#mayGrow(source) ? value : { view: this.view(source) });
  }

  /** Declares an output to be the result of a new step, which later elementwise nodes may extend. */
  defineStep(step: DraftStep): void {
    this.#values.set(step.name, { step });
  }

  /** Marks the outputs of a refused node, so that the nodes behind it can still be examined. */
  poison(node: NodeProto): void {
    for (const name of node.output) if (!this.#values.has(name)) this.#poisoned.add(name);
  }

  /**
   * Declares an output to be an elementwise formula of the inputs, broadcast to its shape. Steps with one reader are taken in; of
   * several sums only the latest is, and the others are committed. An input the formula uses twice (`leaf`) is taken in only bare.
   */
  defineElementwise(node: NodeProto, inputs: readonly { name: string; leaf?: boolean }[], build: (args: Expression<View>[]) => Expression<View>): void {
    const name = node.output[0]!;
    const shape = this.shapeOf(name);
    const inlined: (DraftStep | undefined)[] = inputs.map((input) => this.#growing(input.name, shape, input.leaf ?? false));
    const cores = inlined.filter((step) => step?.core !== undefined);
    cores.pop();
    for (const step of cores) inlined[inlined.indexOf(step)] = undefined;
    let draft = this.#combine(node, shape, inputs, inlined, build);
    if (tooBig(draft)) {
      const kept = inlined.map((step) => (step?.core !== undefined ? step : undefined));
      draft = this.#combine(node, shape, inputs, kept, build);
    }
    if (tooBig(draft)) draft = this.#combine(node, shape, inputs, inputs.map(() => undefined), build);
    if (tooBig(draft)) throw new Refusal(`it has more than ${MAX_OPERANDS} operands`);
    this.defineStep(draft);
  }

  /**
   * Adds a tensor to a sum inside its exact part, if one of the two inputs is a contraction that nothing else reads and that has no
   * formula yet. Returns whether it did.
   */
  absorbAddend(node: NodeProto): boolean {
    const name = node.output[0]!;
    const shape = this.shapeOf(name);
    for (const k of [1, 0]) {
      const step = this.#growing(node.input[k]!, shape, false);
      const other = node.input[1 - k]!;
      if (step?.core?.kind !== stepKinds.contraction || step.expression.kind !== "core") continue;
      if (this.#growing(other, shape, false) !== undefined && this.#growing(other, shape, false)?.core === undefined) continue;
      if (step.core.addends.length + 3 > MAX_OPERANDS) continue;
      const view = this.view(other);
      const addend: View = { ...view, map: expandMap(view.map, shape) };
      this.defineStep({ ...step, name, core: { ...step.core, addends: [...step.core.addends, addend] }, nodes: [...step.nodes, node.name] });
      return true;
    }
    return false;
  }

  /** Commits a step that copies a tensor, for model outputs that no step defines by themselves. */
  copy(name: string, view: View): View {
    return this.#commit({ name, shape: view.map.shape, dims: axesOf(view.map.shape), expression: formula.value(view), nodes: [] });
  }

  #combine(node: NodeProto, shape: number[], inputs: readonly { name: string }[], inlined: readonly (DraftStep | undefined)[], build: (args: Expression<View>[]) => Expression<View>): DraftStep {
    const host = inlined.find((step) => step?.core !== undefined);
    const args = inputs.map((input, k): Expression<View> => {
      const step = inlined[k];
      if (step !== undefined) return step.expression;
      const scalar = this.#scalar(input.name);
      if (scalar !== undefined) return formula.constant(scalar);
      const view = this.view(input.name);
      return formula.value({ ...view, map: expandMap(view.map, shape) });
    });
    return {
      name: node.output[0]!,
      shape,
      dims: host?.dims ?? axesOf(shape),
      ...(host?.core === undefined ? {} : { core: host.core }),
      expression: build(args),
      nodes: [...inlined.flatMap((step) => step?.nodes ?? []), node.name],
    };
  }

  /** The uncommitted step behind a value, if a reader of the given shape may take it in. */
  #growing(name: string, shape: readonly number[], leaf: boolean): DraftStep | undefined {
    const value = this.#values.get(name);
    if (value === undefined || !("step" in value) || !this.#mayGrow(name)) return undefined;
    if (leaf && value.step.expression.kind === "apply") return undefined;
    return sameShape(value.step.shape, shape) ? value.step : undefined;
  }

  #mayGrow(name: string): boolean {
    const value = this.#values.get(name);
    return value !== undefined && "step" in value && value.view === undefined && this.#readers.get(name) === 1 && !this.#outputs.has(name);
  }

  #scalar(name: string): number | undefined {
    const tensor = this.initializers.get(name);
    if (tensor === undefined || tensor.dataType !== dtypes.float32 || elementCount(tensorShape(tensor)) !== 1) return undefined;
    const value = floatValues(tensor)[0]!;
    return Number.isFinite(value) ? value : undefined;
  }

  #commit(step: DraftStep): View {
    this.steps.push(step);
    return this.#whole({ kind: "step", index: this.steps.length - 1 }, step.shape);
  }

  #whole(base: Base, shape: number[]): View {
    return { base, baseShape: shape, map: identityMap(shape) };
  }
}

/** One dimension an axis. */
export function axesOf(shape: readonly number[]): { axis: number; size: number }[] {
  return shape.map((size, axis) => ({ axis, size }));
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, k) => size === b[k]);
}

function tooBig(step: DraftStep): boolean {
  const operands = (step.core === undefined ? 0 : step.core.factors.length + step.core.addends.length) + expressionLeaves(step.expression).length;
  return operands > MAX_OPERANDS || expressionDepth(step.expression) > MAX_EXPRESSION_DEPTH;
}
