import { floatAttribute, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isHalf } from "../../program/elements.ts";
import { stepKinds, type Dtype } from "../../program/types.ts";
import { Refusal, type Coordinate, type DraftDim, type DraftFactor, type DraftStep, type View } from "../draft.ts";
import { formula } from "../expression.ts";
import { withHalfTerm } from "../halfExpression.ts";
import { expandMap } from "../indexMap.ts";
import { axesOf, type Lowering } from "../lowering.ts";

/** MatMul: numpy semantics, with 1-D operands and broadcast batch axes. */
export function lowerMatMul(node: NodeProto, lowering: Lowering): void {
  lowering.defineStep(contraction(node, matrixProduct(lowering.floatView(node.input[0]!), lowering.floatView(node.input[1]!), lowering.shapeOf(node.output[0]!))));
}

/** What is multiplied and summed, over which dimensions of the result. */
export interface Product {
  shape: number[];
  dims: DraftDim[];
  reduce: number[];
  factors: DraftFactor[];
}

/** The product of two tensors as MatMul pairs their axes. */
export function matrixProduct(a: View, b: View, shape: number[]): Product {
  const aRank = a.map.shape.length;
  const bRank = b.map.shape.length;
  const rows = aRank > 1 ? 1 : 0;
  const columns = bRank > 1 ? 1 : 0;
  const batch = shape.length - rows - columns;
  const at = coordinates(shape.length, 1);
  const batchOf = (view: View, count: number): Coordinate[] =>
    Array.from({ length: count }, (_, k) => (view.map.shape[k] === 1 ? at.none() : at.out(batch - count + k)));
  const aCoordinates = [...batchOf(a, Math.max(aRank - 2, 0)), ...(rows ? [at.out(batch)] : []), at.reduce(0)];
  const bCoordinates = [...batchOf(b, Math.max(bRank - 2, 0)), at.reduce(0), ...(columns ? [at.out(batch + rows)] : [])];
  const bOrder = Array.from({ length: bRank }, (_, k) => k);
  if (columns) [bOrder[bRank - 2], bOrder[bRank - 1]] = [bRank - 1, bRank - 2];
  return {
    shape,
    dims: axesOf(shape),
    reduce: [a.map.shape[aRank - 1]!],
    factors: [
      { view: a, coordinates: aCoordinates, windows: [], wanted: { order: Array.from({ length: aRank }, (_, k) => k), priority: 1 } },
      { view: b, coordinates: bCoordinates, windows: [], wanted: { order: bOrder, priority: 2 } },
    ],
  };
}

/** Gemm: `A'·B' + C`; scales other than 1 are multiplied into constants before the graph is lowered. */
export function lowerGemm(node: NodeProto, lowering: Lowering): void {
  const a = lowering.floatView(node.input[0]!);
  const b = lowering.floatView(node.input[1]!);
  const shape = lowering.shapeOf(node.output[0]!);
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const transA = intAttribute(node, "transA", 0) !== 0;
  const transB = intAttribute(node, "transB", 0) !== 0;
  const at = coordinates(2, 1);
  if (alpha !== 1 || (beta !== 1 && beta !== 0 && lowering.has(node, 2))) throw new Refusal("it scales its product or its addend by something that is no constant weight");
  const factors: DraftFactor[] = [
    { view: a, coordinates: transA ? [at.reduce(0), at.out(0)] : [at.out(0), at.reduce(0)], windows: [], wanted: { order: transA ? [1, 0] : [0, 1], priority: 1 } },
    { view: b, coordinates: transB ? [at.out(1), at.reduce(0)] : [at.reduce(0), at.out(1)], windows: [], wanted: { order: transB ? [0, 1] : [1, 0], priority: 2 } },
  ];
  const step = contraction(node, { shape, dims: axesOf(shape), reduce: [a.map.shape[transA ? 0 : 1]!], factors });
  const c = lowering.has(node, 2) && beta !== 0 ? lowering.floatView(node.input[2]!) : undefined;
  if (c !== undefined) addTerm(step, { ...c, map: expandMap(c.map, shape) });
  lowering.defineStep(step);
}

/** The step of a product of floats. */
export function contraction(node: NodeProto, { shape, dims, reduce, factors }: Product): DraftStep {
  const [dtype, other] = factors.map(({ view }) => view.dtype) as [Dtype, Dtype];
  if (dtype !== other) throw new Refusal("it multiplies two element types");
  return {
    name: node.output[0]!,
    dtype,
    domain: "float",
    shape,
    dims,
    core: { kind: stepKinds.contraction, op: 0, reduce, factors, addends: [] },
    ...(isHalf(dtype) ? { expression: formula.rounded(formula.core, dtype), halfTerms: 0 } : { expression: formula.core }),
    nodes: [node.name],
  };
}

/** Adds a tensor of the result's shape to a product that has no formula yet. */
export function addTerm(step: DraftStep, term: View): void {
  if (step.halfTerms === undefined) {
    step.core!.addends.push(term);
  } else {
    step.expression = withHalfTerm(step, term, step.halfTerms);
    step.halfTerms++;
  }
}

/** Makers of coordinates over a number of output and reduction dimensions. */
export function coordinates(outRank: number, reduceRank: number) {
  const none = (): Coordinate => ({ offset: 0, out: new Array<number>(outRank).fill(0), reduce: new Array<number>(reduceRank).fill(0) });
  const out = (k: number): Coordinate => {
    const coordinate = none();
    coordinate.out[k] = 1;
    return coordinate;
  };
  const reduce = (k: number): Coordinate => {
    const coordinate = none();
    coordinate.reduce[k] = 1;
    return coordinate;
  };
  return { none, out, reduce };
}
