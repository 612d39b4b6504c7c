import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isHalf } from "../../program/elements.ts";
import { roles, stepKinds } from "../../program/types.ts";
import type { Coordinate } from "../draft.ts";
import { formula } from "../expression.ts";
import { axesOf, type Lowering } from "../lowering.ts";
import { coordinates } from "./contractions.ts";
import type { LowerNode } from "./maps.ts";

/** Operations of a normalisation step. */
const normalisationOps = { softmax: 1, logSoftmax: 2 } as const;

/** Softmax along one axis, or before opset 13 over all axes from that one on. */
export function softmax(kind: keyof typeof normalisationOps): LowerNode {
  return (node: NodeProto, lowering: Lowering): void => {
    const x = lowering.floatView(node.input[0]!);
    const shape = x.map.shape;
    const old = lowering.opset < 13;
    const axis = fromFront(intAttribute(node, "axis", old ? 1 : -1), shape.length);
    const inRow = (k: number): boolean => (old ? k >= axis : k === axis);
    const row = shape.flatMap((_, k) => (inRow(k) ? [k] : []));
    const at = coordinates(shape.length, row.length);
    const order = [...shape.keys()].sort((a, b) => Number(inRow(a)) - Number(inRow(b)) || a - b);
    lowering.defineStep({
      name: node.output[0]!,
      dtype: x.dtype,
      domain: "float",
      shape,
      dims: axesOf(shape),
      core: {
        kind: stepKinds.normalisation,
        op: normalisationOps[kind],
        reduce: row.map((k) => shape[k]!),
        factors: [
          { view: x, coordinates: shape.map((_, k): Coordinate => (inRow(k) ? at.reduce(row.indexOf(k)) : at.out(k))), windows: [], wanted: { order, priority: 2 } },
          { view: x, coordinates: shape.map((_, k) => at.out(k)), windows: [], role: roles.value },
        ],
        addends: [],
      },
      expression: isHalf(x.dtype) ? formula.rounded(formula.core, x.dtype) : formula.core,
      nodes: [node.name],
    });
  };
}
