import { floatAttribute, fromFront, intAttribute, intsAttribute, stringAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { tensorBytes } from "../../onnx/tensors.ts";
import { elementCount } from "../../program/elements.ts";
import { dtypes, NO_DIM, roles, stepKinds, type Window } from "../../program/types.ts";
import { isInteger, Refusal, type DraftFactor, type View } from "../draft.ts";
import { formula } from "../expression.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { coordinates } from "./contractions.ts";

/** Concat: each part lies in a window of the joined axis. */
export function lowerConcat(node: NodeProto, lowering: Lowering): void {
  const shape = lowering.shapeOf(node.output[0]!);
  const axis = fromFront(intAttribute(node, "axis", 1), shape.length);
  const names = node.input.filter((name) => elementCount(lowering.shapeOf(name)) > 0);
  if (names.length === 1) return lowering.defineAlias(node.output[0]!, names[0]!);
  let start = 0;
  const parts = names.map((name): DraftFactor => {
    const view = lowering.view(name);
    const part = placed(view, shape, shape.map((_, k) => (k === axis ? start : 0)));
    start += view.map.shape[axis]!;
    return part;
  });
  define(node, lowering, parts, new Uint8Array(0));
}

/** Pad with a constant; negative pads crop. */
export function lowerPad(node: NodeProto, lowering: Lowering): void {
  const mode = stringAttribute(node, "mode", "constant");
  if (mode !== "constant") throw new Refusal(`its mode ${JSON.stringify(mode)} is not supported here`);
  const view = lowering.view(node.input[0]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const pads = lowering.integers(node, 1, "list of pads") ?? intsAttribute(node, "pads") ?? [];
  const axes = (lowering.integers(node, 3, "list of axes") ?? shape.map((_, k) => k)).map((axis) => fromFront(axis, shape.length));
  const begin = shape.map(() => 0);
  axes.forEach((axis, k) => (begin[axis] = pads[k]!));
  define(node, lowering, [placed(view, shape, begin)], fillBytes(node, lowering));
}

function fillBytes(node: NodeProto, lowering: Lowering): Uint8Array {
  if (!lowering.has(node, 2)) {
    const value = floatAttribute(node, "value", 0);
    if (value === 0) return new Uint8Array(0);
    if (lowering.typeOf(node.input[0]!).dtype !== dtypes.float32) throw new Refusal("its value stands in an attribute and its elements are not float32");
    return new Uint8Array(Float32Array.of(value).buffer);
  }
  const tensor = lowering.initializers.get(node.input[2]!);
  if (tensor === undefined) throw new Refusal("its value is computed at run time; only constants can be compiled");
  const bytes = tensorBytes(tensor);
  return bytes.every((byte) => byte === 0) ? new Uint8Array(0) : new Uint8Array(bytes);
}

/** A tensor whose first element stands at `begin` of the result. */
function placed(view: View, shape: readonly number[], begin: readonly number[]): DraftFactor {
  const at = coordinates(shape.length, 0);
  const windows: Window[] = [];
  const places = shape.map((outputs, k) => {
    const size = view.map.shape[k]!;
    if (begin[k] !== 0 || outputs > size) windows.push({ outDim: k, reduceDim: NO_DIM, stride: 1, dilation: 0, pad: begin[k]!, size });
    return { ...at.out(k), offset: -begin[k]! };
  });
  return { view, coordinates: places, windows, role: roles.value };
}

function define(node: NodeProto, lowering: Lowering, factors: DraftFactor[], attributes: Uint8Array): void {
  const { shape, dtype } = lowering.typeOf(node.output[0]!);
  lowering.defineStep({
    name: node.output[0]!,
    dtype: factors[0]!.view.dtype,
    domain: isInteger(dtype) ? "integer" : "float",
    shape,
    dims: axesOf(shape),
    core: { kind: stepKinds.movement, op: 0, reduce: [], factors, addends: [], attributes },
    expression: formula.core,
    nodes: [node.name],
  });
}
