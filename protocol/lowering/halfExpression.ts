import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from "../program/halfFloat.ts";
import { dtypes } from "../program/types.ts";
import { elementCount } from "../program/elements.ts";
import type { DraftStep, View } from "./draft.ts";
import { formula, opcodes, type Expression } from "./expression.ts";

/** Operations whose results need not be half floats where their arguments are. */
const rounding: ReadonlySet<number> = new Set([
  opcodes.add, opcodes.sub, opcodes.mul, opcodes.div, opcodes.sqrt, opcodes.exp, opcodes.log, opcodes.tanh, opcodes.erf, opcodes.sigmoid, opcodes.pow, opcodes.sin, opcodes.cos,
]);

/**
 * A node's formula as kernels for a half type compute it: in float32, in the half type, or in either from operation to operation. So the
 * result of each operation, and each constant, may be rounded. What the node reads (`args`) is left as it is.
 */
export function inHalves<Leaf>(expression: Expression<Leaf>, args: ReadonlySet<Expression<Leaf>>, dtype: number): Expression<Leaf> {
  if (args.has(expression)) return expression;
  if (expression.kind === "constant") return isHalfValue(expression.bits, dtype) ? expression : formula.rounded(expression, dtype);
  if (expression.kind !== "apply") return expression;
  const inner: Expression<Leaf> = { ...expression, arguments: expression.arguments.map((argument) => inHalves(argument, args, dtype)) };
  return rounding.has(expression.opcode) ? formula.rounded(inner, dtype) : inner;
}

/** Whether a formula is nothing but the core, perhaps rounded. */
export function isBareCore(expression: Expression<unknown>): boolean {
  return expression.kind === "core" || (expression.kind === "apply" && expression.opcode === opcodes.rounded && isBareCore(expression.arguments[0]!));
}

/** Terms that kernels add to a product inside its accumulator: a bias and a residual (docs/judge.md §6). */
export const MAX_HALF_TERMS = 2;

/**
 * A sum of half floats with one more term. A kernel may add it to its float32 accumulator, or round the sum before that; so it is no part of
 * the exact sum, and may err by the γ that it has in a sum of as many terms as there are (docs/judge.md §6).
 */
export function withHalfTerm(step: DraftStep, term: View, earlier: number): Expression<View> {
  const terms = elementCount(step.core!.reduce) + earlier + 4;
  const gamma = (terms * 2 ** -24) / (1 - terms * 2 ** -24);
  const scaled = formula.apply(opcodes.mul, formula.value(term), formula.widen(formula.constant<View>(1), gamma));
  return formula.rounded(formula.apply(opcodes.add, step.expression, scaled), step.dtype);
}

function isHalfValue(bits: number, dtype: number): boolean {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  const value = view.getFloat32(0);
  return Object.is(dtype === dtypes.float16 ? halfToNumber(numberToHalf(value)) : bfloatToNumber(numberToBfloat(value)), value);
}
