import { stringAttribute } from "../../onnx/attributes.ts";
import { dtypes } from "../../program/types.ts";
import { isInteger, Refusal } from "../draft.ts";
import type { GraphBuilder } from "./graphBuilder.ts";

/** A power of 2⁶ or more of anything but 0 and ±1 leaves int64. */
const LARGEST_EXPONENT = 64;

/** Pow of integers with constant exponents: by squaring, each element's own bits choosing the factors. */
export function rewritePow(graph: GraphBuilder): boolean {
  const { dtype } = graph.typeOf(graph.input(0));
  if (!isInteger(dtype)) return false;
  const exponents = graph.constant(1);
  if (exponents === undefined || exponents.some((value) => !Number.isInteger(value) || value < 0 || value >= LARGEST_EXPONENT)) {
    throw new Refusal(`it raises integers to powers that are not constant whole numbers from 0 to ${LARGEST_EXPONENT - 1}; cast its base to float32`);
  }
  if (dtype !== dtypes.int32 && dtype !== dtypes.int64) throw new Refusal(`it raises element type ${dtype} to a power; float32, int32 and int64 are supported`);
  const shape = graph.shapeOf(graph.input(1));
  const one = dtype === dtypes.int64 ? graph.integers([1], []) : graph.tensor(dtype, [], new Uint8Array(Int32Array.of(1).buffer));
  let square = graph.input(0);
  let result: string | undefined;
  for (let bit = 1; exponents.some((value) => value >= bit); bit *= 2) {
    if (bit > 1) square = graph.add("Mul", [square, square]);
    const chosen = graph.tensor(dtypes.bool, shape, Uint8Array.from(exponents, (value) => ((value & bit) === 0 ? 0 : 1)));
    const factor = graph.add("Where", [chosen, square, one]);
    result = result === undefined ? factor : graph.add("Mul", [result, factor]);
  }
  if (result === undefined) result = graph.add("Where", [graph.tensor(dtypes.bool, shape, new Uint8Array(exponents.length)), graph.input(0), one]);
  graph.result(0, "Identity", [result]);
  return true;
}

/** BitShift by constants: a product or a quotient of powers of two, in a type that can hold them. */
export function rewriteBitShift(graph: GraphBuilder): boolean {
  const { dtype } = graph.typeOf(graph.input(0));
  const shifts = graph.constant(1);
  if (dtype !== dtypes.uint8) throw new Refusal(`it shifts element type ${dtype}; uint8 is supported`);
  if (shifts === undefined || shifts.some((by) => by > 7)) throw new Refusal("it shifts by numbers that are not constants below 8");
  const powers = graph.integers(shifts.map((by) => 2 ** by), graph.shapeOf(graph.input(1)));
  const wide = graph.add("Cast", [graph.input(0)], { to: { int: dtypes.int64 } });
  const left = stringAttribute(graph.node, "direction", "LEFT") === "LEFT";
  graph.result(0, "Cast", [graph.add(left ? "Mul" : "Div", [wide, powers])], { to: { int: dtype } });
  return true;
}

/** BitwiseNot: −1 − x of signed numbers, 255 − x of bytes. */
export function rewriteBitwiseNot(graph: GraphBuilder): boolean {
  const { dtype } = graph.typeOf(graph.input(0));
  if (!isInteger(dtype) || dtype === dtypes.bool) throw new Refusal(`it inverts element type ${dtype}`);
  const wide = dtype === dtypes.int64 ? graph.input(0) : graph.add("Cast", [graph.input(0)], { to: { int: dtypes.int64 } });
  const turned = graph.add("Sub", [graph.integers([dtype === dtypes.uint8 ? 255 : -1], []), wide]);
  graph.result(0, dtype === dtypes.int64 ? "Identity" : "Cast", [turned], dtype === dtypes.int64 ? {} : { to: { int: dtype } });
  return true;
}
