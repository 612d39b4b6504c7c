import { create } from "@bufbuild/protobuf";
import type { AttributeValue } from "../../protocol/onnx/attributes.ts";
import { ModelProtoSchema, TypeProtoSchema, ValueInfoProtoSchema, type NodeProto, type TensorProto, type ValueInfoProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode } from "../../protocol/onnx/graphs.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { makeTensor } from "../../protocol/onnx/tensors.ts";
import { createRandom } from "../../runtime/audit/random.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Shorthands for attributes. */
export const int = (value: number): AttributeValue => ({ int: value });
export const ints = (...values: number[]): AttributeValue => ({ ints: values });
export const real = (value: number): AttributeValue => ({ float: value });
export const text = (value: string): AttributeValue => ({ string: value });

/** A model in the making, with seeded weights of the size that training leaves them. */
export class Net {
  readonly #nodes: NodeProto[] = [];
  readonly #constants: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #random: ReturnType<typeof createRandom>;
  readonly #opset: number;
  #count = 0;

  constructor(opset: number, seed = 1) {
    this.#opset = opset;
    this.#random = createRandom(seed);
  }

  /** A dimension that is a word stays open. */
  input(name: string, shape: readonly (number | string)[], dtype = 1): string {
    const dim = shape.map((size) => ({ value: typeof size === "number" ? { case: "dimValue" as const, value: BigInt(size) } : { case: "dimParam" as const, value: size } }));
    this.#inputs.push(create(ValueInfoProtoSchema, { name, type: { tensorType: { elemType: dtype, shape: { dim } } } }));
    return name;
  }

  output(name: string, dtype = 1): void {
    this.#outputs.push(create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { tensorType: { elemType: dtype } }) }));
  }

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(opType, inputs, attributes, 1)[0]!;
  }

  ops(opType: string, inputs: readonly string[], attributes: Attributes, outputs: number): string[] {
    const names = Array.from({ length: outputs }, () => `v${this.#count++}`);
    this.#nodes.push(makeNode(opType, inputs, names, attributes, `${opType}_${this.#count}`));
    return names;
  }

  /** Weights between ±√(3/fan), which keep the size of what passes. */
  weight(shape: readonly number[], fan = shape.slice(1).reduce((a, b) => a * b, 1)): string {
    const reach = Math.sqrt(3 / fan);
    return this.floats(shape, () => reach * (2 * this.#random.unit() - 1));
  }

  /** Numbers from `low` to `high`. */
  between(shape: readonly number[], low: number, high: number): string {
    return this.floats(shape, () => low + (high - low) * this.#random.unit());
  }

  floats(shape: readonly number[], value: (at: number) => number): string {
    return this.#constant(1, shape, new Uint8Array(Float32Array.from({ length: size(shape) }, (_, at) => value(at)).buffer));
  }

  number(value: number): string {
    return this.floats([], () => value);
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant(7, shape, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  bytes8(dtype: 2 | 3, shape: readonly number[], low: number, high: number): string {
    return this.#constant(dtype, shape, Uint8Array.from({ length: size(shape) }, () => Math.round(low + (high - low) * this.#random.unit()) & 255));
  }

  bool(shape: readonly number[], value: (at: number) => boolean): string {
    return this.#constant(9, shape, Uint8Array.from({ length: size(shape) }, (_, at) => Number(value(at))));
  }

  whole(low: number, high: number): number {
    return low + this.#random.below(high - low);
  }

  serialize(): Uint8Array {
    return serializeModel(
      create(ModelProtoSchema, {
        irVersion: this.#opset < 21 ? 8n : 10n,
        opsetImport: [{ domain: "", version: BigInt(this.#opset) }],
        graph: { name: "family", node: this.#nodes, initializer: this.#constants, input: this.#inputs, output: this.#outputs },
      }),
    );
  }

  #constant(dtype: number, shape: readonly number[], bytes: Uint8Array): string {
    const name = `c${this.#count++}`;
    this.#constants.push(makeTensor(name, dtype, shape, bytes));
    return name;
  }
}

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
