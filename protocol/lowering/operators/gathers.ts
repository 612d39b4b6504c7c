import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { stepKinds } from "../../program/types.ts";
import { isInteger, Refusal, type Coordinate, type DraftFactor } from "../draft.ts";
import { formula } from "../expression.ts";
import { sliceMap, reshapeMap } from "../indexMap.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { coordinates } from "./contractions.ts";

/** Gather: constant indices in even steps are a view, all others look the element up. */
export function lowerGather(node: NodeProto, lowering: Lowering): void {
  const data = lowering.view(node.input[0]!);
  const rank = data.map.shape.length;
  const axis = fromFront(intAttribute(node, "axis", 0), rank);
  const shape = lowering.shapeOf(node.output[0]!);
  const size = data.map.shape[axis]!;
  const constant = lowering.constantIntegers(node, 1)?.map((index) => fromFront(index, size));
  const step = constant === undefined ? undefined : evenStep(constant);
  if (constant?.some((index) => index < 0 || index >= size) === true) throw new Refusal("its constant indices leave the axis");
  if (constant !== undefined && step !== undefined) {
    const along = <T>(value: T, others: (k: number) => T): T[] => data.map.shape.map((_, k) => (k === axis ? value : others(k)));
    const slice = sliceMap(data.map, along(constant[0]!, () => 0), along(step, () => 1), along(constant.length, (k) => data.map.shape[k]!));
    return lowering.defineView(node.output[0]!, data, reshapeMap(slice, shape));
  }
  const indices = lowering.view(node.input[1]!);
  const inner = indices.map.shape.length;
  const at = coordinates(shape.length, 0);
  define(node, lowering, axis, [
    { view: indices, coordinates: indices.map.shape.map((_, k) => at.out(axis + k)), windows: [] },
    { view: data, coordinates: data.map.shape.map((_, k): Coordinate => (k === axis ? at.none() : at.out(k < axis ? k : k + inner - 1))), windows: [] },
  ]);
}

/** GatherElements: one index for each element of the result. */
export function lowerGatherElements(node: NodeProto, lowering: Lowering): void {
  const data = lowering.view(node.input[0]!);
  const indices = lowering.view(node.input[1]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const axis = fromFront(intAttribute(node, "axis", 0), shape.length);
  const at = coordinates(shape.length, 0);
  define(node, lowering, axis, [
    { view: indices, coordinates: shape.map((_, k) => at.out(k)), windows: [] },
    { view: data, coordinates: shape.map((_, k) => (k === axis ? at.none() : at.out(k))), windows: [] },
  ]);
}

function define(node: NodeProto, lowering: Lowering, gatherAxis: number, factors: [DraftFactor, DraftFactor]): void {
  const { shape, dtype } = lowering.typeOf(node.output[0]!);
  lowering.defineStep({
    name: node.output[0]!,
    dtype: factors[1].view.dtype,
    domain: isInteger(dtype) ? "integer" : "float",
    shape,
    dims: axesOf(shape),
    core: { kind: stepKinds.gather, op: 0, reduce: [], factors, addends: [], gatherAxis },
    expression: formula.core,
    nodes: [node.name],
  });
}

/** The common difference of an arithmetic progression. */
function evenStep(values: readonly number[]): number | undefined {
  const step = values.length > 1 ? values[1]! - values[0]! : 1;
  return step !== 0 && values.every((value, k) => value === values[0]! + k * step) ? step : undefined;
}
