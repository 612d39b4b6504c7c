import type { AttributeValue } from "../../onnx/attributes.ts";
import type { NodeProto, TensorProto } from "../../onnx/generated/onnx_pb.ts";
import { makeNode } from "../../onnx/graphs.ts";
import { floatValues, integerValues, makeTensor, tensorShape } from "../../onnx/tensors.ts";
import { dtypes } from "../../program/types.ts";
import { isInteger, Refusal } from "../draft.ts";
import type { ValueType } from "../lowering.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Writes the nodes and constants that take the place of one node. */
export class GraphBuilder {
  readonly node: NodeProto;
  readonly opset: number;
  readonly nodes: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  readonly #shapes = new Map<string, number[]>();
  readonly #types: ReadonlyMap<string, ValueType>;
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #producers: ReadonlyMap<string, NodeProto>;

  constructor(node: NodeProto, opset: number, types: ReadonlyMap<string, ValueType>, initializers: ReadonlyMap<string, TensorProto>, producers: ReadonlyMap<string, NodeProto> = new Map()) {
    this.#producers = producers;
    this.node = node;
    this.opset = opset;
    this.#types = types;
    this.#initializers = initializers;
  }

  /** Name of input `k`; refuses a node without it. */
  input(k: number): string {
    const name = this.node.input[k] ?? "";
    if (name === "") throw new Refusal(`it lacks input ${k}`);
    return name;
  }

  has(k: number): boolean {
    return (this.node.input[k] ?? "") !== "";
  }

  /** Whether output `k` is read. */
  wants(k: number): boolean {
    return (this.node.output[k] ?? "") !== "";
  }

  /** The node that defines a value, if one does. */
  producer(name: string): NodeProto | undefined {
    return this.#producers.get(name);
  }

  typeOf(name: string): ValueType {
    const initializer = this.#initializers.get(name);
    const type = initializer === undefined ? this.#types.get(name) : { dtype: initializer.dataType, shape: tensorShape(initializer) };
    if (type === undefined) throw new Refusal(`the type of ${JSON.stringify(name)} is unknown`);
    return type;
  }

  shapeOf(name: string): number[] {
    return this.typeOf(name).shape;
  }

  /** Shape of a value, also of one that was made here and given a shape by `shaped` or `reshape`. */
  currentShape(name: string): number[] {
    return this.#shapes.get(name) ?? this.shapeOf(name);
  }

  /** Remembers the shape of a value that was made here. */
  shaped(name: string, shape: readonly number[]): string {
    this.#shapes.set(name, [...shape]);
    return name;
  }

  /** Numbers of a constant input of float32 or integers; undefined if it is missing or computed. */
  constant(k: number): number[] | undefined {
    const tensor = this.#initializers.get(this.node.input[k] ?? "");
    if (tensor?.dataType === dtypes.float32) return [...floatValues(tensor)];
    return tensor !== undefined && isInteger(tensor.dataType) ? integerValues(tensor) : undefined;
  }

  /** Adds a node; the name of its first output. */
  add(opType: string, inputs: readonly string[], attributes: Attributes = {}, outputs = 1): string {
    const name = this.#fresh(opType);
    this.#push(opType, inputs, Array.from({ length: outputs }, (_, k) => (k === 0 ? name : `${name}#${k}`)), attributes);
    return name;
  }

  /** Adds the node that defines output `k` of the node that is replaced. */
  result(k: number, opType: string, inputs: readonly string[], attributes: Attributes = {}): void {
    this.#push(opType, inputs, [this.node.output[k]!], attributes);
  }

  floats(shape: readonly number[], values: Iterable<number>): string {
    return this.tensor(dtypes.float32, shape, new Uint8Array(Float32Array.from(values).buffer));
  }

  scalar(value: number): string {
    return this.floats([], [value]);
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.tensor(dtypes.int64, shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  tensor(dtype: number, shape: readonly number[], bytes: Uint8Array): string {
    const name = `${this.node.name}/constant_${this.constants.length}`;
    this.constants.push(makeTensor(name, dtype, shape, bytes));
    return name;
  }

  /** A constant under the name it has. */
  constantOf(tensor: TensorProto): string {
    this.constants.push(tensor);
    return tensor.name;
  }

  /** Adds a node as it is. */
  push(node: NodeProto): void {
    this.nodes.push(node);
  }

  /** Start of names that nothing else has. */
  prefix(label: string): string {
    return `${this.node.name}/${label}_${this.nodes.length}`;
  }

  reshape(name: string, shape: readonly number[]): string {
    return this.shaped(this.add("Reshape", [name, this.integers(shape)]), shape);
  }

  transpose(name: string, perm: readonly number[]): string {
    return perm.every((axis, k) => axis === k) ? name : this.add("Transpose", [name], { perm: { ints: perm } });
  }

  /** A reduction over axes that are kept with size 1. */
  reduce(opType: "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin", name: string, axes: readonly number[], keepdims = true): string {
    const byInput = this.opset >= (opType === "ReduceSum" ? 13 : 18);
    const keep = { keepdims: { int: keepdims ? 1 : 0 } };
    return byInput ? this.add(opType, [name, this.integers(axes)], keep) : this.add(opType, [name], { ...keep, axes: { ints: axes } });
  }

  /** `size` elements of one axis from `start` on, in steps of `step`. */
  slice(name: string, axis: number, start: number, size: number, step = 1): string {
    const end = start + step * size;
    if (this.opset < 10) return this.add("Slice", [name], { starts: { ints: [start] }, ends: { ints: [end] }, axes: { ints: [axis] } });
    return this.add("Slice", [name, this.integers([start]), this.integers([end < 0 ? -(2 ** 31) : end]), this.integers([axis]), this.integers([step])]);
  }

  concat(names: readonly string[], axis: number): string {
    return names.length === 1 ? names[0]! : this.add("Concat", names, { axis: { int: axis } });
  }

  #fresh(opType: string): string {
    return `${this.node.name}/${opType}_${this.nodes.length}`;
  }

  #push(opType: string, inputs: readonly string[], outputs: readonly string[], attributes: Attributes): void {
    this.nodes.push(makeNode(opType, inputs, outputs, attributes, this.#fresh(opType)));
  }
}

/** Replaces a node; returns false where the node stays as it is. Throws a refusal where it cannot be replaced. */
export type Rewrite = (graph: GraphBuilder) => boolean;
