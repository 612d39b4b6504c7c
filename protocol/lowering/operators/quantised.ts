import { fromFront, intAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { elementCount } from "../../program/elements.ts";
import { dtypeBytes, dtypes, stepKinds, type Dtype } from "../../program/types.ts";
import { abiWords } from "../abiWords.ts";
import { integerRange, MAX_OPERANDS, Refusal, type DraftCore, type View } from "../draft.ts";
import { formula, opcodes, type Expression } from "../expression.ts";
import { expandMap } from "../indexMap.ts";
import type { Lowering } from "../lowering.ts";
import { matrixProduct, type Product } from "./contractions.ts";
import { channelBias, convolution } from "./convolutions.ts";

type Formula = Expression<View>;

/**
 * Give or take before rounding to a quantised step, by the bytes of the type. A number within reach of the type is below 2⁹ or 2¹⁷, so that this
 * is 8 float32 roundings: kernels multiply the scales in several orders, by reciprocals, and add the zero point before or after rounding.
 */
const roundingSlack: Readonly<Record<number, number>> = { 1: 2 ** -12, 2: 2 ** -4 };

const quantised: ReadonlySet<number> = new Set([dtypes.uint8, dtypes.int8, dtypes.uint16, dtypes.int16]);

/** QuantizeLinear, for a whole tensor or along an axis: `saturate(round(x / scale) + zero)`. */
export function lowerQuantizeLinear(node: NodeProto, lowering: Lowering): void {
  const { dtype } = lowering.typeOf(node.output[0]!);
  if (!quantised.has(dtype)) throw new Refusal(`it quantises to element type ${dtype}; integers of 8 and 16 bits are supported`);
  const along = alongAxis(node, lowering);
  const zero = zeroPoint(node, lowering, 2);
  const inputs = [{ name: node.input[0]! }, { name: node.input[1]!, ...along }, ...(zero === undefined ? [{ name: node.input[2]!, ...along }] : [])];
  lowering.defineElementwise(node, inputs, ([x, scale, computed]) => saturate(formula.apply(opcodes.div, x!, scale!), zero === undefined ? computed! : formula.constant(zero), dtype as Dtype), { converts: true });
}

/** DequantizeLinear, for a whole tensor or along an axis: `(x − zero)·scale`. */
export function lowerDequantizeLinear(node: NodeProto, lowering: Lowering): void {
  const along = alongAxis(node, lowering);
  const zero = zeroPoint(node, lowering, 2);
  const inputs = [{ name: node.input[0]! }, { name: node.input[1]!, ...along }, ...(zero === undefined ? [{ name: node.input[2]!, ...along }] : [])];
  lowering.defineElementwise(node, inputs, ([x, scale, computed]) => {
    const centred = zero === 0 ? x! : formula.apply(opcodes.sub, x!, zero === undefined ? computed! : formula.constant(zero));
    return formula.apply(opcodes.mul, centred, scale!);
  });
}

/** QLinearConv: an exact sum of integers, then its requantisation. */
export function lowerQLinearConv(node: NodeProto, lowering: Lowering): void {
  const product = convolution(node, lowering, integers(node, lowering, 0), integers(node, lowering, 3));
  const bias = lowering.has(node, 8) ? channelBias(lowering.view(node.input[8]!), product.shape) : undefined;
  const core = exactSum(node, lowering, product, [2, 5], bias);
  const scales = lowering.floats(node, 4);
  const perChannel = scales !== undefined && scales.length > 1 ? channelBias(lowering.view(node.input[4]!), product.shape) : undefined;
  requantised(node, lowering, product, core, { left: 1, right: 4, result: 6, zero: 7, perChannel });
}

/** QLinearMatMul: an exact sum of integers, then its requantisation. */
export function lowerQLinearMatMul(node: NodeProto, lowering: Lowering): void {
  const shape = lowering.shapeOf(node.output[0]!);
  const product = matrixProduct(integers(node, lowering, 0), integers(node, lowering, 3), shape);
  const core = exactSum(node, lowering, product, [2, 5]);
  const scales = lowering.floats(node, 4);
  const columns = scales !== undefined && scales.length > 1 ? lowering.view(node.input[4]!) : undefined;
  requantised(node, lowering, product, core, { left: 1, right: 4, result: 6, zero: 7, perChannel: columns && { ...columns, map: expandMap(columns.map, shape) } });
}

/** MatMulInteger: an exact sum in int32. */
export function lowerMatMulInteger(node: NodeProto, lowering: Lowering): void {
  const product = matrixProduct(integers(node, lowering, 0), integers(node, lowering, 1), lowering.shapeOf(node.output[0]!));
  lowering.defineStep(exactStep(node, product, exactSum(node, lowering, product, [2, 3])));
}

/** ConvInteger: an exact sum in int32. */
export function lowerConvInteger(node: NodeProto, lowering: Lowering): void {
  const product = convolution(node, lowering, integers(node, lowering, 0), integers(node, lowering, 1));
  lowering.defineStep(exactStep(node, product, exactSum(node, lowering, product, [2, 3])));
}

function integers(node: NodeProto, lowering: Lowering, k: number): View {
  const view = lowering.view(node.input[k]!);
  if (view.dtype !== dtypes.uint8 && view.dtype !== dtypes.int8) throw new Refusal(`it multiplies element type ${view.dtype}; uint8 and int8 are supported`);
  return view;
}

/** The exact core. A bias may wrap the sum around, as int32 does; products that could do so by themselves are refused. */
function exactSum(node: NodeProto, lowering: Lowering, product: Product, zeros: readonly [number, number], bias?: View): DraftCore {
  const [zeroF, zeroG] = zeros.map((k) => {
    const zero = zeroPoint(node, lowering, k);
    if (zero === undefined) throw new Refusal("its zero points are not one constant each");
    return BigInt(zero);
  }) as [bigint, bigint];
  const reach = ({ view: { dtype } }: Product["factors"][number], zero: bigint): bigint => {
    const [low, high] = integerRange(dtype);
    return high - zero > zero - low ? high - zero : zero - low;
  };
  const largest = reach(product.factors[0]!, zeroF) * reach(product.factors[1]!, zeroG) * BigInt(elementCount(product.reduce));
  if (largest >= 2n ** 31n) throw new Refusal("its sums may leave int32");
  const attributes = zeroF === 0n && zeroG === 0n ? new Uint8Array(0) : abiWords(zeroF, zeroG);
  return { kind: stepKinds.contraction, op: 0, reduce: product.reduce, factors: product.factors, addends: bias === undefined ? [] : [bias], attributes };
}

function exactStep(node: NodeProto, { shape, dims }: Product, core: DraftCore) {
  return { name: node.output[0]!, dtype: dtypes.int32, domain: "integer" as const, shape, dims, core, expression: formula.core, nodes: [node.name] };
}

interface Scales {
  left: number;
  right: number;
  result: number;
  zero: number;
  perChannel: View | undefined;
}

function requantised(node: NodeProto, lowering: Lowering, { shape, dims }: Product, core: DraftCore, { left, right, result, zero, perChannel }: Scales): void {
  const scalar = (k: number): number => {
    const values = lowering.floats(node, k);
    if (values?.length !== 1 || !Number.isFinite(values[0]!)) throw new Refusal("its scales are not finite constants");
    return values[0]!;
  };
  const { dtype } = lowering.typeOf(node.output[0]!);
  const offset = zeroPoint(node, lowering, zero);
  if (offset === undefined) throw new Refusal("its zero points are not one constant each");
  if (core.addends.length + 3 > MAX_OPERANDS) throw new Refusal(`it has more than ${MAX_OPERANDS} operands`);
  const ratio = scalar(left) / scalar(result);
  const scaled: Formula =
    perChannel === undefined
      ? formula.apply(opcodes.mul, formula.core, formula.constant<View>(ratio * scalar(right)))
      : formula.apply(opcodes.mul, formula.apply(opcodes.mul, formula.core, formula.value(perChannel)), formula.constant<View>(ratio));
  lowering.defineStep({ name: node.output[0]!, dtype: dtype as Dtype, domain: "float", shape, dims, core, expression: saturate(scaled, formula.constant(offset), dtype as Dtype), nodes: [node.name] });
}

function saturate(x: Formula, zero: Formula, dtype: Dtype): Formula {
  const [low, high] = integerRange(dtype);
  const placed = formula.apply(opcodes.add, formula.apply(opcodes.round, formula.widen(x, roundingSlack[dtypeBytes[dtype]]!)), zero);
  return formula.apply(opcodes.min, formula.apply(opcodes.max, placed, formula.constant<View>(Number(low))), formula.constant<View>(Number(high)));
}

/** A constant zero point that is the same everywhere; 0 if it is missing, undefined if it is computed or differs. */
function zeroPoint(node: NodeProto, lowering: Lowering, k: number): number | undefined {
  if (!lowering.has(node, k)) return 0;
  const values = lowering.constantIntegers(node, k);
  return values?.every((value) => value === values[0]) === true ? values[0] : undefined;
}

/** How scales and zero points of one number for each place of an axis are broadcast. */
function alongAxis(node: NodeProto, lowering: Lowering): { axis?: number } {
  if (intAttribute(node, "block_size", 0) !== 0) throw new Refusal("it quantises in blocks");
  const shape = lowering.shapeOf(node.output[0]!);
  if (lowering.shapeOf(node.input[1]!).length !== 1 || elementCount(lowering.shapeOf(node.input[1]!)) === 1) return {};
  const axis = intAttribute(node, "axis", 1);
  return { axis: fromFront(axis, shape.length) };
}
