import { floatAttribute } from "../../onnx/attributes.ts";
import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isFloat } from "../../program/elements.ts";
import { Refusal, type View } from "../draft.ts";
import { formula, opcodes, type Expression } from "../expression.ts";
import type { ElementwiseOptions, Lowering } from "../lowering.ts";

type Formula = Expression<View>;
export type LowerNode = (node: NodeProto, lowering: Lowering) => void;

/** An operator of one input. */
export function unary(opcode: number, options: ElementwiseOptions = {}): LowerNode {
  return (node, lowering) => lowering.defineElementwise(node, [{ name: node.input[0]! }], ([x]) => formula.apply(opcode, x!), options);
}

/** An operator of two inputs. */
export function binary(opcode: number, options: ElementwiseOptions = {}): LowerNode {
  return (node, lowering) => {
    refuseOldBroadcast(node, lowering);
    if (opcode === opcodes.add && lowering.absorbAddend(node)) return;
    lowering.defineElementwise(node, inputsOf(node), ([a, b]) => formula.apply(opcode, a!, b!), options);
  };
}

/** An operator of any number of inputs, taken left to right. */
export function variadic(opcode: number, options: ElementwiseOptions = {}): LowerNode {
  return (node, lowering) => {
    if (node.input.length === 1) return lowering.defineAlias(node.output[0]!, node.input[0]!);
    if (opcode === opcodes.add && node.input.length === 2 && lowering.absorbAddend(node)) return;
    lowering.defineElementwise(node, inputsOf(node), (args) => args.reduce((left, right) => formula.apply(opcode, left, right)), options);
  };
}

/** The largest float32. */
const GREATEST = (2 - 2 ** -23) * 2 ** 127;

/**
 * Clip, with bounds as attributes (before opset 11) or as inputs: `min(max(x, low), high)`. A bound that is missing or infinite is either infinite or the largest
 * float: the standard has the latter for one that is missing, and both readings are in use.
 */
export function lowerClip(node: NodeProto, lowering: Lowering): void {
  const low = clipBound(node, lowering, 1, "min");
  const high = clipBound(node, lowering, 2, "max");
  if (!isFloat(lowering.typeOf(node.input[0]!).dtype)) return clipIntegers(node, lowering);
  const computed = [low, high].flatMap((bound) => (typeof bound === "string" ? [{ name: bound }] : []));
  lowering.defineElementwise(node, [{ name: node.input[0]! }, ...computed], ([x, ...bounds]) => {
    const next = (bound: number | string): Formula => (typeof bound === "string" ? bounds.shift()! : formula.constant(bound));
    const raised = formula.apply(opcodes.max, x!, low === undefined ? endless(-1) : next(low));
    return formula.apply(opcodes.min, raised, high === undefined ? endless(1) : next(high));
  });
}

/** The infinity of a sign, or the largest float: where a condition is no number, either branch is sound. */
function endless(sign: 1 | -1): Formula {
  return formula.apply(opcodes.select, formula.constant<View>(Number.NaN), formula.constant<View>(sign * Infinity), formula.constant<View>(sign * GREATEST));
}

function clipIntegers(node: NodeProto, lowering: Lowering): void {
  const bounds = [1, 2].filter((k) => lowering.has(node, k));
  if (bounds.length === 0) return lowering.defineAlias(node.output[0]!, node.input[0]!);
  lowering.defineElementwise(
    node,
    [{ name: node.input[0]! }, ...bounds.map((k) => ({ name: node.input[k]! }))],
    ([x, ...rest]) => bounds.reduce((value, k, place) => formula.apply(k === 1 ? opcodes.max : opcodes.min, value, rest[place]!), x!),
    { integer: "any" },
  );
}

/** A constant bound, the name of a computed one, or undefined where there is none. */
function clipBound(node: NodeProto, lowering: Lowering, k: number, attribute: string): number | string | undefined {
  if (!lowering.has(node, k)) {
    const value = floatAttribute(node, attribute, Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  }
  const constant = lowering.floats(node, k)?.[0];
  if (constant === undefined) return node.input[k]!;
  if (Number.isNaN(constant)) throw new Refusal(`its ${attribute} is not a number`);
  if (constant === (attribute === "min" ? -Infinity : Infinity)) return undefined;
  return Number.isFinite(constant) ? constant : node.input[k]!;
}

/** LeakyRelu: `max(x, 0) + alpha·min(x, 0)`; one of the terms is always zero, so nothing is rounded twice. */
export function lowerLeakyRelu(node: NodeProto, lowering: Lowering): void {
  const alpha = floatAttribute(node, "alpha", Math.fround(0.01));
  if (!Number.isFinite(alpha)) throw new Refusal("its alpha is not finite");
  lowering.defineElementwise(node, [{ name: node.input[0]!, leaf: true }], ([x]) => leaky(x!, formula.constant(alpha)));
}

/** PRelu: LeakyRelu with a tensor of slopes, which must be finite constants: the formula multiplies them by 0 where x is positive. */
export function lowerPRelu(node: NodeProto, lowering: Lowering): void {
  if (!lowering.floats(node, 1)?.every((slope) => Number.isFinite(slope))) throw new Refusal("its slopes are not finite constants");
  lowering.defineElementwise(node, [{ name: node.input[0]!, leaf: true }, { name: node.input[1]! }], ([x, slope]) => leaky(x!, slope!));
}

/** Reciprocal: `1 / x`. */
export function lowerReciprocal(node: NodeProto, lowering: Lowering): void {
  lowering.defineElementwise(node, [{ name: node.input[0]! }], ([x]) => formula.apply(opcodes.div, formula.constant<View>(1), x!));
}

/** Pow: constant exponents of a few kinds as products and roots, all others as such. */
export function lowerPow(node: NodeProto, lowering: Lowering): void {
  const exponents = [...(lowering.floats(node, 1) ?? lowering.constantIntegers(node, 1) ?? [])];
  const exponent = exponents.every((value) => value === exponents[0]) ? exponents[0] : undefined;
  const base = { name: node.input[0]!, leaf: true };
  if (!isFloat(lowering.typeOf(node.input[0]!).dtype)) throw new Refusal("it raises integers to a power");
  switch (exponent) {
    case 1:
      return lowering.defineAlias(node.output[0]!, node.input[0]!);
    case 2:
      return lowering.defineElementwise(node, [base], ([x]) => formula.apply(opcodes.mul, x!, x!));
    case 3:
      return lowering.defineElementwise(node, [base], ([x]) => formula.apply(opcodes.mul, formula.apply(opcodes.mul, x!, x!), x!));
    case 0.5:
      return lowering.defineElementwise(node, [base], ([x]) => formula.apply(opcodes.select, formula.apply(opcodes.equal, x!, formula.constant<View>(-Infinity)), formula.constant<View>(Infinity), formula.apply(opcodes.sqrt, x!)));
    case -1:
      return lowering.defineElementwise(node, [base], ([x]) => formula.apply(opcodes.div, formula.constant<View>(1), x!));
    default:
      return lowering.defineElementwise(node, [base, { name: node.input[1]!, leaf: true }], ([x, y]) => formula.apply(opcodes.pow, x!, y!));
  }
}

/** HardSigmoid: `max(0, min(1, alpha·x + beta))`. */
export function lowerHardSigmoid(node: NodeProto, lowering: Lowering): void {
  const alpha = formula.constant<View>(floatAttribute(node, "alpha", Math.fround(0.2)));
  const beta = formula.constant<View>(floatAttribute(node, "beta", 0.5));
  lowering.defineElementwise(node, [{ name: node.input[0]! }], ([x]) => {
    const line = formula.apply(opcodes.add, formula.apply(opcodes.mul, x!, alpha), beta);
    return formula.apply(opcodes.max, formula.apply(opcodes.min, line, formula.constant<View>(1)), formula.constant<View>(0));
  });
}

function leaky(x: Formula, slope: Formula): Formula {
  const negative = formula.apply(opcodes.min, x, formula.constant<View>(0));
  return formula.apply(opcodes.add, formula.apply(opcodes.relu, x), formula.apply(opcodes.mul, negative, slope));
}

function inputsOf(node: NodeProto): { name: string }[] {
  return node.input.map((name) => ({ name }));
}

/** Before opset 7, `broadcast` and `axis` aligned shapes in another way. */
function refuseOldBroadcast(node: NodeProto, lowering: Lowering): void {
  if (lowering.opset < 7 && node.attribute.some(({ name }) => name === "axis" || name === "broadcast")) throw new Refusal("it uses the broadcasting of opset 6; convert the model to opset 7 or newer");
}
