import type { NodeProto } from "../../onnx/generated/onnx_pb.ts";
import { isFloat } from "../../program/elements.ts";
import { Refusal, type View } from "../draft.ts";
import { formula, opcodes } from "../expression.ts";
import type { Lowering } from "../lowering.ts";
import { intAttribute } from "../../onnx/attributes.ts";
import type { LowerNode } from "./maps.ts";

const exact = { integer: "any" } as const;

/** A comparison of two tensors; `swapped` for greater, which is less the other way round. */
export function comparison(opcode: number, swapped = false): LowerNode {
  return (node, lowering) => {
    const names = swapped ? node.input.toReversed() : node.input;
    lowering.defineElementwise(node, names.map((name) => ({ name })), ([a, b]) => formula.apply(opcode, a!, b!), exact);
  };
}

/** Where: elementwise choice by a bool tensor. */
export function lowerWhere(node: NodeProto, lowering: Lowering): void {
  lowering.defineElementwise(node, node.input.map((name) => ({ name })), ([condition, a, b]) => formula.apply(opcodes.select, condition!, a!, b!), exact);
}

/** Mod of integers: the sign follows the divisor, or the dividend with `fmod`; of floats only with `fmod`. */
export function lowerMod(node: NodeProto, lowering: Lowering): void {
  if (isFloat(lowering.typeOf(node.output[0]!).dtype)) return lowerRemainder(node, lowering);
  const inputs = node.input.map((name) => ({ name, leaf: true }));
  lowering.defineElementwise(
    node,
    inputs,
    ([a, b]) => {
      const quotient = formula.apply(opcodes.div, a!, b!);
      const rest = formula.apply(opcodes.sub, a!, formula.apply(opcodes.mul, quotient, b!));
      if (intAttribute(node, "fmod", 0) !== 0) return rest;
      const zero = formula.integer<View>(0n);
      const differs = formula.apply(opcodes.less, formula.apply(opcodes.mul, rest, b!), zero);
      return formula.apply(opcodes.add, rest, formula.apply(opcodes.select, differs, b!, zero));
    },
    exact,
  );
}

/**
 * The remainder of floats, which kernels compute exactly: `a − trunc(a/b)·b` encloses it, since the enclosure of the quotient holds the exact
 * one. An infinite divisor leaves the dividend as it is.
 */
function lowerRemainder(node: NodeProto, lowering: Lowering): void {
  if (intAttribute(node, "fmod", 0) === 0) throw new Refusal("it is the remainder of floats with the sign of the divisor, which ONNX does not define");
  lowering.defineElementwise(node, node.input.map((name) => ({ name, leaf: true })), ([a, b]) => {
    const whole = formula.apply(opcodes.truncate, formula.apply(opcodes.div, a!, b!));
    const unlimited = formula.apply(opcodes.equal, formula.apply(opcodes.abs, b!), formula.constant<View>(Infinity));
    const finite = formula.apply(opcodes.equal, formula.apply(opcodes.sub, a!, a!), formula.constant<View>(0));
    const rest = formula.apply(opcodes.sub, a!, formula.apply(opcodes.mul, whole, b!));
    return formula.apply(opcodes.select, formula.apply(opcodes.and, unlimited, finite), a!, rest);
  });
}

/** IsInf for either sign or one of them. */
export function lowerIsInf(node: NodeProto, lowering: Lowering): void {
  const [negative, positive] = [intAttribute(node, "detect_negative", 1) !== 0, intAttribute(node, "detect_positive", 1) !== 0];
  if (!negative && !positive) throw new Refusal("it looks for no infinity at all");
  lowering.defineElementwise(node, [{ name: node.input[0]! }], ([x]) => {
    const shown = negative && positive ? formula.apply(opcodes.abs, x!) : x!;
    return formula.apply(opcodes.equal, shown, formula.constant<View>(positive ? Infinity : -Infinity));
  });
}

/** IsNaN: what does not equal itself. */
export function lowerIsNaN(node: NodeProto, lowering: Lowering): void {
  lowering.defineElementwise(node, [{ name: node.input[0]!, leaf: true }], ([x]) => formula.apply(opcodes.not, formula.apply(opcodes.equal, x!, x!)));
}
