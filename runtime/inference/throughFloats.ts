import { floatInterface } from "../../protocol/lowering/floatTwin.ts";
import { parseModel } from "../../protocol/onnx/parseModel.ts";
import { serializeModel } from "../../protocol/onnx/serializeModel.ts";
import { dtypes, type Program } from "../../protocol/program/types.ts";

/**
 * A graph of a program as ONNX Runtime's API can run it: that has no bfloat16, so where inputs and outputs of the graph have that type, float32
 * with the same values go in and out instead.
 */
export function throughFloats({ inputs, trace, inner }: Pick<Program, "inputs" | "trace" | "inner">, graph: Uint8Array): Uint8Array {
  return [...inputs, ...trace, ...inner].some(({ dtype }) => dtype === dtypes.bfloat16) ? serializeModel(floatInterface(parseModel(graph))) : graph;
}
