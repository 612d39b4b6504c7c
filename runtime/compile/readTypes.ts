import { create } from "@bufbuild/protobuf";
import type { ValueType } from "../../protocol/lowering/lowering.ts";
import { ValueInfoProtoSchema } from "../../protocol/onnx/generated/onnx_pb.ts";
import { declaredTensor } from "../../protocol/onnx/graphs.ts";
import type { Model } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import type { FoldRunner } from "./createFoldRunner.ts";
import { withoutWeights } from "./setWeightsAside.ts";

/** Element types by the names ONNX Runtime gives them; the numbers are those of `TensorProto.DataType`. */
const typeNumbers: Readonly<Record<string, number>> = {
  float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, float64: 11, uint32: 12, uint64: 13, uint4: 21, int4: 22,
};

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name]));

/**
 * Element types and shapes of all values of a graph with fixed input shapes, as ONNX Runtime finds them when it runs once on zeros.
 * With `run` false only those that follow without a run: operators that are not supported anyway may loop or crash on zeros.
 */
export async function readTypes(model: Model, runner: FoldRunner, run: boolean): Promise<Map<string, ValueType>> {
  const small = withoutWeights(model);
  const exposed: Model = { ...small, graph: { ...small.graph, output: [...small.graph.output] } };
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
  return types;
}
