import { intAttribute, tensorAttribute } from "../onnx/attributes.ts";
import type { NodeProto, TensorProto } from "../onnx/generated/onnx_pb.ts";
import { declaredTensor, makeNode } from "../onnx/graphs.ts";
import { parseModel, type Model } from "../onnx/parseModel.ts";
import { serializeModel } from "../onnx/serializeModel.ts";
import { floatValues, makeTensor, tensorShape } from "../onnx/tensors.ts";
import { isHalf } from "../program/elements.ts";
import { dtypes } from "../program/types.ts";
import type { CompiledModel } from "./compiledModel.ts";

/** Whether any tensor of the graph may have elements of a half type. */
export function hasHalves({ graph }: Model): boolean {
  const declared = [...graph.input, ...graph.output].some((info) => isHalf(declaredTensor(info)?.elemType ?? 0));
  return declared || graph.initializer.some(({ dataType }) => isHalf(dataType)) || graph.node.some((node) => isHalf(castTarget(node)) || isHalf(tensorAttribute(node, "value")?.dataType ?? 0));
}

/** The element type that a Cast converts to; 0 for other nodes. */
export function castTarget(node: NodeProto): number {
  return node.opType === "Cast" ? intAttribute(node, "to", 0) : 0;
}

/**
 * The graph that executors run instead of a program's own where that has half floats: the same, in float32 between what is
 * committed.
 */
export function runnableModel(compiled: CompiledModel): CompiledModel {
  const { program } = compiled;
  const committed = [...program.trace, ...program.inner];
  if (![...program.inputs, ...program.weights, ...committed].some(({ dtype }) => isHalf(dtype))) return compiled;
  const model = parseModel(compiled.model);
  return { program, model: serializeModel(floatTwin(model, new Map(committed.map(({ name, dtype }) => [name, dtype])))) };
}

/**
 * Rewrites, in place, a graph with half floats so that it computes in float32, as profile 2 has it: what is declared or listed in `committed`
 * (values by name, with their types) keeps its name and its half type, and is what all readers of that name go on from; everything between is
 * float32. ONNX Runtime's CPU provider, which has few kernels for halves, would do the same but go on from values that were not rounded.
 */
export function floatTwin(model: Model, committed: ReadonlyMap<string, number>): Model {
  const { graph } = model;
  const narrow = new Map([...committed].filter(([, dtype]) => isHalf(dtype)));
  const widened = new Map<string, string>();
  const entries: NodeProto[] = [];
  const widen = (name: string): void => {
    widened.set(name, `${name}/float`);
    entries.push(cast(name, `${name}/float`, dtypes.float32));
  };
  for (const info of graph.input) if (isHalf(declaredTensor(info)?.elemType ?? 0)) widen(info.name);
  const inputs = new Set(graph.input.map(({ name }) => name));
  graph.initializer = graph.initializer.map((tensor): TensorProto => {
    if (!isHalf(tensor.dataType)) return tensor;
    if (narrow.has(tensor.name)) {
      widen(tensor.name);
      return tensor;
    }
    return makeTensor(tensor.name, dtypes.float32, tensorShape(tensor), new Uint8Array(floatValues(tensor).buffer));
  });
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const nodes = graph.node.flatMap((node): NodeProto[] => {
    const behind: NodeProto[] = [];
    node.input = node.input.map((name) => widened.get(name) ?? name);
    node.output = node.output.map((name) => {
      const dtype = narrow.get(name);
      if (dtype === undefined || inputs.has(name) || constants.has(name)) return name;
      widened.set(name, `${name}/float`);
      behind.push(cast(`${name}/wide`, name, dtype), cast(name, `${name}/float`, dtypes.float32));
      return `${name}/wide`;
    });
    const target = castTarget(node);
    if (!isHalf(target)) return [node, ...behind];
    const [to] = node.output as [string];
    node.output = [`${to}/half`];
    return [node, cast(`${to}/half`, to, dtypes.float32), ...behind];
  });
  graph.node = [...entries, ...nodes];
  return model;
}

/** ONNX Runtime's API has no bfloat16: in place, inputs and outputs of that type become float32, with the same values. */
export function floatInterface(model: Model): Model {
  const { graph } = model;
  const renamed = new Map<string, string>();
  const entries: NodeProto[] = [];
  const exits: NodeProto[] = [];
  for (const [list, nodes] of [[graph.input, entries], [graph.output, exits]] as const) {
    for (const info of list) {
      const type = info.type?.tensorType;
      if (type?.elemType !== dtypes.bfloat16) continue;
      type.elemType = dtypes.float32;
      renamed.set(info.name, `${info.name}/narrow`);
      nodes.push(nodes === entries ? cast(info.name, `${info.name}/narrow`, dtypes.bfloat16) : cast(`${info.name}/narrow`, info.name, dtypes.float32));
    }
  }
  for (const node of graph.node) {
    node.input = node.input.map((name) => renamed.get(name) ?? name);
    node.output = node.output.map((name) => renamed.get(name) ?? name);
  }
  graph.node = [...entries, ...graph.node, ...exits];
  return model;
}

function cast(from: string, to: string, dtype: number): NodeProto {
  return makeNode("Cast", [from], [to], { to: { int: dtype } }, `cast ${from} to ${to}`);
}
