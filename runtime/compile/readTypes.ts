import { create } from "@bufbuild/protobuf";
import type { ValueType } from "../../protocol/lowering/lowering.ts";
import { ValueInfoProtoSchema } from "../../protocol/onnx/generated/onnx_pb.ts";
import { castTarget } from "../../protocol/lowering/floatTwin.ts";
import { unsupportedError } from "../../protocol/lowering/lowerGraph.ts";
import { makeAttribute } from "../../protocol/onnx/attributes.ts";
import { declaredTensor } from "../../protocol/onnx/graphs.ts";
import { parseModel, type Model } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { dtypes } from "../../protocol/program/types.ts";
import type { FoldRunner } from "./createFoldRunner.ts";
import { withoutWeights } from "./setWeightsAside.ts";

/** Element types by the names ONNX Runtime gives them; the numbers are those of `TensorProto.DataType`. */
export const typeNumbers: Readonly<Record<string, number>> = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, uint4: 21, int4: 22,
};

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name]));

/**
 * Element types and shapes of all values of a graph with fixed input shapes, as ONNX Runtime finds them when it runs once on zeros.
 * With `run` false only those that follow without a run: operators that are not supported anyway may loop or crash on zeros.
 */
export async function readTypes(model: Model, runner: FoldRunner, run: boolean): Promise<Map<string, ValueType>> {
  const bfloats = hasBfloats(model);
  const small = withoutWeights(model);
  const exposed: Model = bfloats ? parseModel(serializeModel(small)) : { ...small, graph: { ...small.graph, output: [...small.graph.output] } };
  if (bfloats) pretendHalves(exposed);
  const known = new Set(exposed.graph.output.map(({ name }) => name));
  for (const name of model.graph.node.flatMap(({ output }) => output)) {
    if (name === "" || known.has(name)) continue;
    known.add(name);
    exposed.graph.output.push(create(ValueInfoProtoSchema, { name }));
  }
  const types = new Map<string, ValueType>();
  const inputs = exposed.graph.input.flatMap((info) => {
    const declared = declaredTensor(info);
    if (declared?.dims === undefined) return [];
    const shape = declared.dims.map(Number);
    types.set(info.name, { dtype: declared.elemType, shape });
    return [{ name: info.name, type: typeNames.get(declared.elemType) ?? `number ${declared.elemType}`, shape }];
  });
  const bytes = serializeModel(exposed);
  for (const { name, type, shape } of await (run ? runner.types(bytes, inputs) : runner.inferredTypes(bytes))) {
    if (!types.has(name)) types.set(name, { dtype: typeNumbers[type] ?? 0, shape });
  }
  if (bfloats) for (const type of types.values()) if (type.dtype === dtypes.float16) type.dtype = dtypes.bfloat16;
  return types;
}

/** ONNX Runtime has kernels for float16 at least, and what a value's type is does not depend on which of the two is meant. */
function pretendHalves({ graph }: Model): void {
  const halves = (type: number): number => (type === dtypes.bfloat16 ? dtypes.float16 : type);
  for (const info of [...graph.input, ...graph.output]) {
    const type = info.type?.tensorType;
    if (type !== undefined) type.elemType = halves(type.elemType);
  }
  for (const tensor of graph.initializer) tensor.dataType = halves(tensor.dataType);
  for (const node of graph.node) if (castTarget(node) === dtypes.bfloat16) node.attribute = [...node.attribute.filter(({ name }) => name !== "to"), makeAttribute("to", { int: dtypes.float16 })];
}

function hasBfloats({ graph, opsetImport }: Model): boolean {
  const has = (half: number): boolean =>
    [...graph.input, ...graph.output].some((info) => declaredTensor(info)?.elemType === half) || graph.initializer.some(({ dataType }) => dataType === half) || graph.node.some((node) => castTarget(node) === half);
  if (!has(dtypes.bfloat16)) return false;
  const opset = Number(opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0);
  if (opset < 13) throw unsupportedError([{ node: graph.name, op: "graph", reason: `it has bfloat16 tensors, which opset ${opset} does not know; convert it to opset 13 or newer` }]);
  if (has(dtypes.float16)) throw unsupportedError([{ node: graph.name, op: "graph", reason: "it has both float16 and bfloat16 tensors" }]);
  return true;
}
