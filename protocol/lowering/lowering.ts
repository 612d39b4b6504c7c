import { floatValues, integerValues, tensorShape } from "../onnx/tensors.ts";
import type { GraphProto, NodeProto, TensorProto } from "../onnx/generated/onnx_pb.ts";
import { elementCount, isFloat, isHalf } from "../program/elements.ts";
import { dtypes, stepKinds, type Dtype } from "../program/types.ts";
import { inScope, isInteger, MAX_OPERANDS, Refusal, UnknownType, type Base, type Domain, type DraftStep, type View } from "./draft.ts";
import { MAX_EXPRESSION_DEPTH, expressionDepth, expressionLeaves, formula, type Expression } from "./expression.ts";
import { inHalves, isBareCore, MAX_HALF_TERMS, withHalfTerm } from "./halfExpression.ts";
import { expandMap, identityMap, type IndexMap } from "./indexMap.ts";

/** Element type and shape of a value of the graph, as ONNX Runtime reported them. */
export interface ValueType {
  dtype: number;
  shape: number[];
}

/** What a value of the graph is while lowering: a committed tensor seen through a view, or a step that may still grow. */
type Value = { view: View } | { step: DraftStep; view?: View };

export interface ElementwiseInput {
  name: string;
  /** The formula uses it twice. */
  leaf?: boolean;
  /** It has one element for each place of this axis, instead of broadcasting as ONNX does. */
  axis?: number;
}

export interface ElementwiseOptions {
  /** The opcodes have a meaning for exact integers; `ring` if wrapping around before or after makes no difference. */
  integer?: "any" | "ring";
  /** The formula turns numbers into integers. */
  converts?: boolean;
}

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
      if (type === undefined || !inScope(type.dtype)) this.#poisoned.add(name);
      else this.#values.set(name, { view: this.#whole({ kind: "input", index }, type.dtype, type.shape) });
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

  /** Values of a constant input of floats, or undefined if it is missing or no constant. */
  floats(node: NodeProto, k: number): Float32Array | undefined {
    const tensor = this.initializers.get(node.input[k] ?? "");
    return tensor !== undefined && isFloat(tensor.dataType) ? floatValues(tensor) : undefined;
  }

  /** Numbers of a constant integer or bool input, or undefined if it is missing or no constant. */
  constantIntegers(node: NodeProto, k: number): number[] | undefined {
    const tensor = this.initializers.get(node.input[k] ?? "");
    return tensor !== undefined && isInteger(tensor.dataType) ? integerValues(tensor) : undefined;
  }

  /** A value as a committed tensor of floats; commits the step behind it. */
  floatView(name: string): View {
    if (!isFloat(this.typeOf(name).dtype)) throw new Refusal(`it reads ${JSON.stringify(name)}, which is not float32, float16 or bfloat16`);
    return this.view(name);
  }

  /** A value as a committed tensor; commits the step behind it. */
  view(name: string): View {
    const { dtype, shape } = this.typeOf(name);
    if (!inScope(dtype)) throw new Refusal(`it reads ${JSON.stringify(name)}, whose element type ${dtype} is not supported`);
    if (elementCount(shape) === 0) throw new Refusal(`it reads ${JSON.stringify(name)}, which has no elements`);
    const value = this.#values.get(name);
    if (value === undefined) {
      if (this.initializers.has(name)) return this.#whole({ kind: "weight", name }, dtype, shape);
      if (this.#poisoned.has(name)) return this.#whole({ kind: "step", index: -1 }, dtype, shape);
      throw new Refusal(`it reads ${JSON.stringify(name)}, which nothing defines`);
    }
    if ("step" in value) return (value.view ??= this.#commit(value.step));
    return value.view;
  }

  /** The step behind a value that nothing else reads and that is not committed yet. */
  growing(name: string): DraftStep | undefined {
    const value = this.#values.get(name);
    return value !== undefined && "step" in value && this.#mayGrow(name) ? value.step : undefined;
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
  defineElementwise(node: NodeProto, inputs: readonly ElementwiseInput[], build: (args: Expression<View>[], domain: Domain) => Expression<View>, options: ElementwiseOptions = {}): void {
    const name = node.output[0]!;
    const { shape, dtype } = this.typeOf(name);
    const allIntegers = [name, ...inputs.map((input) => input.name)].every((value) => isInteger(this.typeOf(value).dtype));
    // A bool may go on from a comparison of floats; other integers start from what is committed.
    const decided = dtype === dtypes.bool && inputs.some((input) => this.growing(input.name)?.domain === "float");
    const domain: Domain = allIntegers && options.integer !== undefined && !decided ? "integer" : "float";
    if (allIntegers && domain === "float" && dtype !== dtypes.bool && options.converts !== true) throw new Refusal("it computes with integers, which is supported only for exact operators");
    if (domain === "float" && isInteger(dtype) && dtype !== dtypes.bool && options.converts !== true) throw new Refusal("its result is an integer");
    const inlined: (DraftStep | undefined)[] = inputs.map((input) => this.#growing(input.name, shape, { leaf: input.leaf ?? false, domain, ring: options.integer === "ring" ? dtype : undefined }));
    const cores = inlined.filter((step) => step?.core !== undefined);
    cores.pop();
    for (const step of cores) inlined[inlined.indexOf(step)] = undefined;
    const formulaOf = (args: Expression<View>[]): Expression<View> => (isHalf(dtype) ? inHalves(build(args, domain), new Set(args), dtype) : build(args, domain));
    const combine = (taken: readonly (DraftStep | undefined)[]): DraftStep => this.#combine(node, { shape, dtype: dtype as Dtype, domain }, inputs, taken, formulaOf);
    let draft = combine(inlined);
    if (tooBig(draft)) draft = combine(inlined.map((step) => (step?.core !== undefined ? step : undefined)));
    if (tooBig(draft)) draft = combine(inputs.map(() => undefined));
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
      const step = this.#growing(node.input[k]!, shape);
      const other = node.input[1 - k]!;
      if (step?.core?.kind !== stepKinds.contraction || step.dtype !== this.typeOf(other).dtype) continue;
      if ((step.halfTerms ?? 0) >= MAX_HALF_TERMS) continue;
      if (step.halfTerms === undefined && (step.expression.kind !== "core" || step.dtype !== dtypes.float32)) continue;
      const second = this.#growing(other, shape);
      if (second !== undefined && second.core === undefined) continue;
      if (step.core.addends.length + (step.halfTerms ?? 0) + 3 > MAX_OPERANDS) continue;
      const view = this.view(other);
      const addend: View = { ...view, map: expandMap(view.map, shape) };
      if (step.halfTerms !== undefined) this.defineStep({ ...step, name, expression: withHalfTerm(step, addend, step.halfTerms), halfTerms: step.halfTerms + 1, nodes: [...step.nodes, node.name] });
      else this.defineStep({ ...step, name, core: { ...step.core, addends: [...step.core.addends, addend] }, nodes: [...step.nodes, node.name] });
      return true;
    }
    return false;
  }

  /** Commits a step that copies a tensor, for model outputs that no step defines by themselves. */
  copy(name: string, view: View): View {
    return this.#commit({ name, dtype: view.dtype, domain: isInteger(view.dtype) ? "integer" : "float", shape: view.map.shape, dims: axesOf(view.map.shape), expression: formula.value(view), nodes: [] });
  }

  #combine(
    node: NodeProto,
    { shape, dtype, domain }: Pick<DraftStep, "shape" | "dtype" | "domain">,
    inputs: readonly ElementwiseInput[],
    inlined: readonly (DraftStep | undefined)[],
    build: (args: Expression<View>[]) => Expression<View>,
  ): DraftStep {
    const host = inlined.find((step) => step?.core !== undefined);
    const args = inputs.map((input, k): Expression<View> => {
      const step = inlined[k];
      if (step !== undefined) return step.expression;
      const scalar = this.#scalar(input.name, domain);
      if (scalar !== undefined) return scalar;
      const view = this.view(input.name);
      if (input.axis === undefined) return formula.value({ ...view, map: expandMap(view.map, shape) });
      return formula.value({ ...view, map: { ...view.map, shape: [...shape], strides: shape.map((_, axis) => (axis === input.axis ? view.map.strides[0]! : 0)) } });
    });
    return {
      name: node.output[0]!,
      dtype,
      domain,
      shape,
      dims: host?.dims ?? axesOf(shape),
      ...(host?.core === undefined ? {} : { core: host.core }),
      expression: build(args),
      nodes: [...inlined.flatMap((step) => step?.nodes ?? []), node.name],
    };
  }

  /**
   * The uncommitted step behind a value, if a reader of the given shape may take it in. Integers wrap around when they are committed, so only
   * those that cannot, or whose wrapping the reader's own result repeats (`ring`), are taken in; nor is a number that was made an integer
   * from a float32, because there the enclosure of a fault of the input stands for any integer.
   */
  #growing(name: string, shape: readonly number[], reader: { leaf?: boolean; domain?: Domain; ring?: number | undefined } = {}): DraftStep | undefined {
    const step = this.growing(name);
    if (step === undefined || !sameShape(step.shape, shape)) return undefined;
    if (reader.leaf === true && step.expression.kind === "apply" && !isBareCore(step.expression)) return undefined;
    if (step.core !== undefined && unextendable(step)) return undefined;
    if (step.domain === "float") return reader.domain === "integer" || (isInteger(step.dtype) && step.dtype !== dtypes.bool) ? undefined : step;
    const bare = step.core !== undefined && step.expression.kind === "core" && step.core.kind !== stepKinds.reduction;
    if (reader.domain !== "integer") return bare ? step : undefined;
    return bare || step.dtype === dtypes.bool || step.dtype === reader.ring ? step : undefined;
  }

  #mayGrow(name: string): boolean {
    const value = this.#values.get(name);
    return value !== undefined && "step" in value && value.view === undefined && this.#readers.get(name) === 1 && !this.#outputs.has(name);
  }

  /** A constant of one element as part of the formula, where the domain can say it exactly. */
  #scalar(name: string, domain: Domain): Expression<View> | undefined {
    const tensor = this.initializers.get(name);
    if (tensor === undefined || elementCount(tensorShape(tensor)) !== 1) return undefined;
    if (isFloat(tensor.dataType)) {
      const value = floatValues(tensor)[0]!;
      return Number.isFinite(value) && domain === "float" ? formula.constant(value) : undefined;
    }
    if (!isInteger(tensor.dataType)) return undefined;
    const value = integerValues(tensor)[0]!;
    if (domain === "integer") return Number.isSafeInteger(value) ? formula.integer(BigInt(value)) : undefined;
    return Math.fround(value) === value ? formula.constant(value) : undefined;
  }

  #commit(step: DraftStep): View {
    this.steps.push(step);
    return this.#whole({ kind: "step", index: this.steps.length - 1 }, step.dtype, step.shape);
  }

  #whole(base: Base, dtype: Dtype, shape: number[]): View {
    return { base, dtype, baseShape: shape, map: identityMap(shape) };
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

/** A softmax has an operand of its own among the values, and an index is compared as it is. */
function unextendable({ core }: DraftStep): boolean {
  return core!.kind === stepKinds.normalisation || (core!.kind === stepKinds.reduction && core!.op > 5);
}

function tooBig(step: DraftStep): boolean {
  if (step.core?.kind === stepKinds.movement && expressionLeaves(step.expression).length > 0) return true;
  // A tensor that the formula names several times is one operand.
  const values = new Set(expressionLeaves(step.expression).map((view) => JSON.stringify(view)));
  const operands = (step.core === undefined ? 0 : step.core.factors.length + step.core.addends.length) + values.size;
  return operands > MAX_OPERANDS || expressionDepth(step.expression) > MAX_EXPRESSION_DEPTH;
}
