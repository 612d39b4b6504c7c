import type { AbiParameter, AbiParameterToPrimitiveType } from "viem";
import { GainsayError } from "../errors.ts";
import { fromHex } from "../hex.ts";

const WORD = 32;

/**
 * `abi.encode` (Solidity documentation, "Contract ABI Specification") for what descriptors are made of: integers of up to 64 bits, bytes32, address, bytes, string, tuples, and arrays of
 * any length. A program has thousands of words, and every opening of a bundle encodes all of them, for which a library that encodes into strings takes forty times as
 * long; a test holds this to that library. Throws `ABI_VALUE` for a value that its type does not have.
 */
export function abiEncode<const Parameters extends readonly AbiParameter[]>(parameters: Parameters, values: { readonly [K in keyof Parameters]: AbiParameterToPrimitiveType<Parameters[K]> }): Uint8Array {
  const writer = new Writer();
  writer.list(parameters, values as readonly unknown[]);
  return writer.bytes.slice(0, writer.end);
}

/** Fields in the order of their words, and the bytes that these take in front of what is of variable length. */
interface Layout {
  fields: readonly AbiParameter[];
  dynamic: boolean;
  head: number;
}

const layouts = new WeakMap<readonly AbiParameter[], Layout>();

function layoutOf(fields: readonly AbiParameter[]): Layout {
  let layout = layouts.get(fields);
  if (layout === undefined) {
    layout = { fields, dynamic: fields.some(isDynamic), head: fields.reduce((sum, field) => sum + headOf(field), 0) };
    layouts.set(fields, layout);
  }
  return layout;
}

function componentsOf(parameter: AbiParameter): readonly AbiParameter[] {
  return (parameter as { components: readonly AbiParameter[] }).components;
}

function isDynamic(parameter: AbiParameter): boolean {
  const { type } = parameter;
  return type.endsWith("[]") || type === "bytes" || type === "string" || (type === "tuple" && layoutOf(componentsOf(parameter)).dynamic);
}

function headOf(parameter: AbiParameter): number {
  return parameter.type === "tuple" && !isDynamic(parameter) ? layoutOf(componentsOf(parameter)).head : WORD;
}

class Writer {
  bytes = new Uint8Array(1024);
  end = 0;
  private view = new DataView(this.bytes.buffer);

  /** Fields behind each other, as arguments or in a tuple. */
  list(parameters: readonly AbiParameter[], values: readonly unknown[]): void {
    const { fields, head } = layoutOf(parameters);
    const start = this.take(head);
    let at = start;
    fields.forEach((field, i) => {
      this.field(field, values[i], at, start);
      at += headOf(field);
    });
  }

  /** A field whose head is at `at`; what is of variable length goes to the end, and its distance from `start` into the head. */
  private field(parameter: AbiParameter, value: unknown, at: number, start: number): void {
    const { type } = parameter;
    if (!isDynamic(parameter)) {
      if (type === "tuple") this.fixed(componentsOf(parameter), value, at, start);
      else this.word(type, value, at);
      return;
    }
    this.number(this.end - start, at);
    if (type === "bytes") this.data(typeof value === "string" ? fromHex(value) : refuse(type, value));
    else if (type === "string") this.data(new TextEncoder().encode(String(value)));
    else if (type === "tuple") this.list(componentsOf(parameter), valuesOf(componentsOf(parameter), value));
    else this.array({ ...parameter, type: type.slice(0, -2) }, value);
  }

  private fixed(components: readonly AbiParameter[], value: unknown, at: number, start: number): void {
    const values = valuesOf(components, value);
    components.forEach((component, i) => {
      this.field(component, values[i], at, start);
      at += headOf(component);
    });
  }

  private array(item: AbiParameter, value: unknown): void {
    if (!Array.isArray(value)) return refuse(item.type, value);
    this.number(value.length, this.take(WORD));
    const head = headOf(item);
    const start = this.take(head * value.length);
    value.forEach((one, i) => this.field(item, one, start + i * head, start));
  }

  private data(data: Uint8Array): void {
    this.number(data.length, this.take(WORD));
    const at = this.take(Math.ceil(data.length / WORD) * WORD);
    this.bytes.set(data, at);
  }

  private word(type: string, value: unknown, at: number): void {
    if (type === "bytes32" || type === "address") {
      const data = typeof value === "string" ? fromHex(value) : refuse(type, value);
      if (data.length !== (type === "address" ? 20 : WORD)) refuse(type, value);
      this.bytes.set(data, at + WORD - data.length);
      return;
    }
    const match = /^(u?)int(8|16|32|64)$/.exec(type);
    if (match === null || (typeof value !== "number" && typeof value !== "bigint") || (typeof value === "number" && !Number.isInteger(value))) return refuse(type, value);
    const integer = BigInt(value);
    const [unsigned, bits] = [match[1] === "u", Number(match[2])];
    if (integer !== (unsigned ? BigInt.asUintN(bits, integer) : BigInt.asIntN(bits, integer))) refuse(type, value);
    if (integer < 0n) this.bytes.fill(0xff, at, at + WORD - 8);
    this.view.setBigInt64(at + WORD - 8, BigInt.asIntN(64, integer));
  }

  private number(value: number, at: number): void {
    this.view.setUint32(at + WORD - 4, value);
  }

  /** Zeros at the end; returns where they begin. */
  private take(bytes: number): number {
    const at = this.end;
    this.end += bytes;
    if (this.end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.end, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Values of a tuple, which is given as an object, in the order of its fields. */
function valuesOf(components: readonly AbiParameter[], value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return refuse("tuple", value);
  return components.map(({ name }) => (value as Record<string, unknown>)[name ?? ""]);
}

function refuse(type: string, value: unknown): never {
  throw new GainsayError("A value does not fit its type in the contracts.", { code: "ABI_VALUE", details: { type, value: String(value).slice(0, 80) } });
}
