import { attribute, fromFront, makeAttribute, tensorAttribute } from "../../protocol/onnx/attributes.ts";
import type { NodeProto, TensorProto } from "../../protocol/onnx/generated/onnx_pb.ts";
import { makeNode, makeValueInfo } from "../../protocol/onnx/graphs.ts";
import { parseModel, type Model } from "../../protocol/onnx/parseModel.ts";
import { pruneModel } from "../../protocol/onnx/pruneModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { makeTensor, tensorShape } from "../../protocol/onnx/tensors.ts";
import { floatInterface, floatTwin } from "../../protocol/lowering/floatTwin.ts";
import type { ValueType } from "../../protocol/lowering/lowering.ts";
import { dtypes } from "../../protocol/program/types.ts";
import { narrowBfloat } from "../inference/bfloats.ts";
import type { FoldRunner } from "./createFoldRunner.ts";
import { readTypes, typeNumbers } from "./readTypes.ts";

/** Rounds of folding: each makes constant what depends on shapes that the one before made constant. */
const MAX_ROUNDS = 16;

const random = new Set(["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"]);

/**
 * Folds a graph with half floats. ONNX Runtime's own folding would write its conversions to float32 into the graph, which belong to its
 * CPU provider; so constants and shape arithmetic are found here, and ONNX Runtime only computes them. With `run` false the graph is not
 * safe to run, and what depends on shapes stays.
 */
export async function foldHalves(model: Model, runner: FoldRunner, run: boolean): Promise<Model> {
  // Before version 4 each initialiser had to be an input as well.
  if (model.irVersion < 4n) model.irVersion = 4n;
  makeInitializers(model);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const types = await readTypes(model, runner, run);
    const changed = run && namesShapes(model, types);
    const constants = new Set(model.graph.initializer.map(({ name }) => name));
    const constant: NodeProto[] = [];
    for (const node of model.graph.node) {
      if (random.has(node.opType) || node.attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0)) continue;
      if (!node.input.every((name) => name === "" || constants.has(name))) continue;
      constant.push(node);
      for (const name of node.output) constants.add(name);
    }
    if (constant.length === 0 && !changed) break;
    if (constant.length > 0) await evaluate(model, constant, types, runner);
  }
  return pruneModel(model);
}

/** Constant nodes become initialisers. */
function makeInitializers({ graph }: Model): void {
  graph.node = graph.node.filter((node) => {
    const tensor = node.opType === "Constant" ? constantOf(node) : undefined;
    if (tensor !== undefined) graph.initializer.push(tensor);
    return tensor === undefined;
  });
}

function constantOf(node: NodeProto): TensorProto | undefined {
  const name = node.output[0] as string;
  const value = tensorAttribute(node, "value");
  if (value !== undefined) {
    value.name = name;
    return value;
  }
  const floats = (values: readonly number[], shape: number[]): TensorProto => makeTensor(name, dtypes.float32, shape, new Uint8Array(Float32Array.from(values).buffer));
  const integers = (values: readonly bigint[], shape: number[]): TensorProto => makeTensor(name, dtypes.int64, shape, new Uint8Array(BigInt64Array.from(values).buffer));
  const [one, many] = [attribute(node, "value_float"), attribute(node, "value_floats")];
  if (one !== undefined) return floats([one.f], []);
  if (many !== undefined) return floats(many.floats, [many.floats.length]);
  const [whole, wholes] = [attribute(node, "value_int"), attribute(node, "value_ints")];
  if (whole !== undefined) return integers([whole.i], []);
  return wholes === undefined ? undefined : integers(wholes.ints, [wholes.ints.length]);
}

/** Shapes are known, and so are the types of CastLike. Returns whether anything was replaced. */
function namesShapes({ graph }: Model, types: ReadonlyMap<string, ValueType>): boolean {
  const known = new Map([...types, ...graph.initializer.map((tensor) => [tensor.name, { dtype: tensor.dataType, shape: tensorShape(tensor) }] as const)]);
  let changed = false;
  graph.node = graph.node.filter((node) => {
    const type = known.get(node.input[0] ?? "");
    if (node.opType === "CastLike") {
      const to = known.get(node.input[1] ?? "")?.dtype;
      if (to === undefined) return true;
      node.opType = "Cast";
      node.input = [node.input[0] as string];
      node.attribute = [...node.attribute.filter(({ name }) => name === "saturate"), makeAttribute("to", { int: to })];
      changed = true;
    }
    if (type === undefined || (node.opType !== "Shape" && node.opType !== "Size")) return true;
    const { shape } = type;
    const values = node.opType === "Size" ? [shape.reduce((a, b) => a * b, 1)] : shape.slice(...ends(node, shape.length));
    graph.initializer.push(makeTensor(node.output[0] as string, dtypes.int64, node.opType === "Size" ? [] : [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer)));
    changed = true;
    return false;
  });
  return changed;
}

function ends(node: NodeProto, rank: number): [number, number] {
  const at = (name: string, fallback: number): number => {
    const given = Number(attribute(node, name)?.i ?? fallback);
    return Math.min(rank, Math.max(0, fromFront(given, rank)));
  };
  return [at("start", 0), at("end", rank)];
}

/** Replaces nodes that depend on constants only by what they compute. */
async function evaluate(model: Model, nodes: readonly NodeProto[], types: ReadonlyMap<string, ValueType>, runner: FoldRunner): Promise<void> {
  const gone = new Set(nodes);
  const defined = new Set(nodes.flatMap(({ output }) => output));
  const kept = model.graph.node.filter((node) => !gone.has(node));
  const wanted = new Set([...kept.flatMap(({ input }) => input), ...model.graph.output.map(({ name }) => name)].filter((name) => name !== "" && defined.has(name)));
  const part = parseModel(serializeModel(model));
  part.graph.input = [];
  part.graph.node = part.graph.node.filter((_, k) => gone.has(model.graph.node[k] as NodeProto));
  const results = [...wanted].map((name) => ({ name, ...(types.get(name) as ValueType) }));
  part.graph.output = results.map(({ name, dtype, shape }) => makeValueInfo(name, dtype, shape));
  pruneModel(part);
  floatTwin(part, new Map(results.map(({ name, dtype }) => [name, dtype])));
  floatInterface(part);
  for (const { name, type, shape, bytes } of await runner.values(serializeModel(part))) {
    const dtype = types.get(name)?.dtype ?? 0;
    model.graph.initializer.push(makeTensor(name, dtype, shape, dtype === dtypes.bfloat16 && typeNumbers[type] === dtypes.float32 ? narrowBfloat(bytes) : bytes));
  }
  const outputs = new Set(model.graph.output.map(({ name }) => name));
  model.graph.node = kept;
  for (const name of wanted) if (outputs.has(name)) restate(model, name);
}

/** An output that is constant is copied by a node, so that it is computed like any other. */
function restate({ graph }: Model, name: string): void {
  const tensor = graph.initializer.find((candidate) => candidate.name === name) as TensorProto;
  tensor.name = `${name}/constant`;
  for (const node of graph.node) node.input = node.input.map((read) => (read === name ? tensor.name : read));
  graph.node.push(makeNode("Identity", [tensor.name], [name], {}, `${name}/copy`));
}
