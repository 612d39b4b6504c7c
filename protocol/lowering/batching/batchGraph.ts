import { create } from "@bufbuild/protobuf";
import { GraphProtoSchema, type GraphProto, type NodeProto, type TensorProto, type ValueInfoProto } from "../../onnx/generated/onnx_pb.ts";
import { declaredTensor, makeNode, makeValueInfo } from "../../onnx/graphs.ts";
import { parseModel } from "../../onnx/parseModel.ts";
import { serializeModel } from "../../onnx/serializeModel.ts";
import { makeTensor } from "../../onnx/tensors.ts";
import { countOf, isKnown, type Dim, type Dims } from "./dims.ts";
import { ruleOf } from "./rules.ts";

/** Type numbers of ONNX. */
const INT64 = 7;

/**
 * A value of the graph for one job, as the graph for many has it. Its elements lie in memory job by job, whatever the shape says, so a Reshape changes between the two shapes
 * that operators want: *merged*, `[jobs·d₀, d₁, …]`, and *apart*, `[jobs, d₀, d₁, …]`.
 */
export interface Batched {
  /** Dimensions for one job; undefined where they are not known. */
  dims: Dims;
  /** Name of the tensor in one shape or another, and in those two if it exists in them. */
  raw: string;
  merged?: string;
  apart?: string;
}

export type Form = "merged" | "apart";

/** Why a graph cannot do several jobs in one run. */
export class NotBatchable extends Error {}

/** What rules work with. */
export interface Batcher {
  /** The value, if it differs from job to job. */
  batched(name: string): Batched | undefined;
  /** The value in that form; `rank`: apart, with so many dimensions for each job, ones in front. */
  in(form: Form, value: Batched, rank?: number): string;
  /** A tensor that is the same for all jobs: an initialiser. Throws `NotBatchable` for any other. */
  constant(name: string): TensorProto;
  /** Adds a node, and what it gives in that form. */
  emit(node: NodeProto, form: Form, dims: readonly Dims[]): void;
  /** Adds a node for a value in between, apart. */
  between(opType: string, inputs: readonly string[], attributes: Parameters<typeof makeNode>[3], dims: Dims): Batched & { apart: string };
  /** The same elements under another shape, as an output of a node. */
  view(output: string, of: Pick<Batched, "raw">, dims: Dims): void;
  /** A constant of whole numbers. */
  integers(values: readonly number[]): string;
  /** Elements of one job whose number must be a multiple of what the kernels do at a time: see `batchGraph`. */
  aligned(...dims: Dims[]): void;
}

export interface BatchOptions {
  /** Threads inside one operator. */
  threads: number;
}

/** Elements that fill the alignment to which buffers start, 64 bytes, for types of two bytes or more: as many as the widest kernels do at a time. */
const STRIDE = 32;

/**
 * The graph that does several jobs in one run: each input holds those of the jobs one after the other along its first axis, and so does each output. Undefined if there is a node for
 * which no rule is known.
 *
 * The results shall be those of one job alone, bit for bit. Nodes are the same, so kernels are; what could still tell jobs apart is where in a buffer their elements lie. Sums of a
 * row, softmax, and functions without an exact result take elements in groups, and the rest at the end one by one; so where there is such a node, the elements of a job must be a multiple
 * of such a group, and the operators may not be divided among threads.
 */
export function batchGraph(bytes: Uint8Array, { threads }: BatchOptions): Uint8Array | undefined {
  const model = parseModel(bytes);
  try {
    model.graph = rewrite(model.graph, threads);
  } catch (error) {
    if (error instanceof NotBatchable) return undefined;
    throw error;
  }
  // Before version 4 every initialiser had to be an input.
  if (model.irVersion < 4n) model.irVersion = 4n;
  return serializeModel(model);
}

function rewrite(graph: GraphProto, threads: number): GraphProto {
  const nodes: NodeProto[] = [];
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const values = new Map<string, Batched>();
  let made = 0;
  const fresh = (): string => `batch:${made++}`;

  const batcher: Batcher = {
    batched: (name) => values.get(name),
    in(form, value, rank = value.dims.length) {
      const isAsItIs = rank === value.dims.length;
      if (isAsItIs && value[form] !== undefined) return value[form];
      const sizes = form === "merged" ? value.dims.slice(1) : [...Array<Dim>(rank - value.dims.length).fill(1), ...value.dims];
      if ((form === "merged" && value.dims.length === 0) || !isKnown(sizes)) throw new NotBatchable();
      const name = fresh();
      nodes.push(makeNode("Reshape", [value.raw, batcher.integers([-1, ...sizes])], [name], {}, name));
      if (isAsItIs) value[form] = name;
      return name;
    },
    constant(name) {
      const tensor = initializers.get(name);
      if (tensor === undefined) throw new NotBatchable();
      return tensor;
    },
    emit(node, form, dims) {
      nodes.push(node);
      node.output.forEach((name, i) => name !== "" && values.set(name, { dims: dims[i] as Dims, raw: name, [form]: name }));
    },
    between(opType, inputs, attributes, dims) {
      const name = fresh();
      const value = { dims, raw: name, apart: name };
      nodes.push(makeNode(opType, inputs, [name], attributes, name));
      values.set(name, value);
      return value;
    },
    view: (output, { raw }, dims) => void values.set(output, { dims, raw }),
    integers(numbers) {
      const name = fresh();
      initializers.set(name, makeTensor(name, INT64, [numbers.length], new Uint8Array(BigInt64Array.from(numbers, BigInt).buffer)));
      return name;
    },
    aligned(...all) {
      if (threads > 1 || !all.every((dims) => (countOf(dims) ?? 1) % STRIDE === 0)) throw new NotBatchable();
    },
  };

  for (const info of graph.input) values.set(info.name, { dims: fixedDims(info), raw: info.name, merged: info.name });
  for (const node of graph.node) {
    // What is the same for all jobs would have been folded.
    if (!node.input.some((name) => values.has(name))) throw new NotBatchable();
    ruleOf(node)(node, batcher);
  }
  const merged = new Map(graph.output.map(({ name }) => [batcher.in("merged", values.get(name) ?? never()), name]));
  if (merged.size < graph.output.length || graph.input.some(({ name }) => merged.has(name))) throw new NotBatchable();
  // An output is the merged form, under the name of the value; whatever had that name gives it up.
  const renamed = new Map(graph.output.map(({ name }) => [name, `${name}:raw`]));
  for (const [inner, name] of merged) renamed.set(inner, name);
  const rename = (name: string): string => renamed.get(name) ?? name;
  for (const node of nodes) {
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
  }
  return create(GraphProtoSchema, { name: graph.name, node: nodes, initializer: [...initializers.values()], input: graph.input.map(manyOf), output: graph.output.map(manyOf) });
}

/** The declaration with a first dimension that is not fixed. */
function manyOf(info: ValueInfoProto): ValueInfoProto {
  const many = makeValueInfo(info.name, declaredTensor(info)?.elemType ?? never(), fixedDims(info));
  const [first] = many.type?.tensorType?.shape?.dim ?? [];
  if (first === undefined) throw new NotBatchable();
  first.value = { case: "dimParam", value: `jobs*${fixedDims(info)[0]}` };
  return many;
}

function fixedDims(info: ValueInfoProto): number[] {
  const dims = declaredTensor(info)?.dims;
  if (dims === undefined || !dims.every((dim) => typeof dim === "number")) throw new NotBatchable();
  return dims;
}

function never(): never {
  throw new NotBatchable();
}
