import { dtypes, type Step } from "../../../protocol/program/types.ts";
import { operandOf, stepOf } from "../../protocol/judge/makeStep.ts";
import { Random, randomElements } from "./random.ts";
import type { Case } from "./randomCase.ts";
import { words } from "./randomKinds.ts";

/** The smallest steps of every kind that the judge knows, and of every contract that decides one; each has at least two operands or taps. */
export function smallCases(): Case[] {
  const taps = operandOf(0, 3, { reduceStrides: [1] });
  const each = operandOf(2, 2, { outStrides: [1] });
  const side = (pad: number) => operandOf(2, 1, { offset: -pad, outStrides: [1], windows: [{ outDim: 0, reduceDim: 255, stride: 1, dilation: 0, pad, size: 1 }] });
  const typed = <T extends { dtype: number }>(operand: T, dtype: Step["result"]["dtype"]): T => ({ ...operand, dtype });
  const bytes = stepOf(1, [], [3], [typed(taps, dtypes.uint8), typed(taps, dtypes.int8), typed(operandOf(1, 1), dtypes.int32)]);
  bytes.result.dtype = dtypes.int32;
  bytes.attributes = words([3n, -2n]);
  const index = stepOf(3, [], [3], [taps], [], 6);
  index.result.dtype = dtypes.int64;
  const lookup = stepOf(5, [2], [], [typed(operandOf(0, 2, { outStrides: [1] }), dtypes.int64), operandOf(0, 9, { outStrides: [0] })]);
  lookup.attributes = words([1n, 9n]);
  const staged = stepOf(1, [2], [3], [operandOf(0, 6, { outStrides: [1], reduceStrides: [2], stages: [{ offset: 0, shape: [3, 2], strides: [2, 1] }] }), operandOf(0, 3, { outStrides: [0], reduceStrides: [1] }), operandOf(1, 2, { outStrides: [1] })], [0x01, 0, 0x30]);
  const steps: [string, Step][] = [
    ["contraction of floats", stepOf(1, [], [3], [taps, taps, operandOf(1, 1)])],
    ["contraction through a stage with an expression", staged],
    ["contraction of integers", bytes],
    ["map", stepOf(2, [2], [], [each, each], [0x01, 0, 0x01, 1, 0x12, 0x27])],
    ["maximum", stepOf(3, [], [3], [taps], [], 1)],
    ["mean", stepOf(3, [], [3], [taps], [], 4)],
    ["index of the maximum", index],
    ["softmax", stepOf(4, [3], [3], [operandOf(0, 3, { outStrides: [0], reduceStrides: [1] }), operandOf(2, 3, { outStrides: [1] })], [], 1)],
    ["gather", lookup],
    ["movement", stepOf(6, [2], [], [side(0), side(1)])],
  ];
  return steps.map(([label, step], i) => {
    const random = new Random(100 + i);
    const operands = step.operands.map(({ elements, dtype }) => randomElements(random, elements, dtype, "tame"));
    // An addend that leaves the sum exact in a float32, where the test looks for what is sound.
    if (step === bytes) operands[2] = Uint8Array.of(5, 1, 0, 0);
    // Indices that lie inside.
    if (step.kind === 5) operands[0] = Uint8Array.from({ length: 16 }, (_, k) => (k === 8 ? 4 : 0));
    // The element of a softmax is one of its row.
    if (step.kind === 4) operands[1] = operands[0] as Uint8Array;
    return { label, step, operands, element: step.result.shape.length === 0 ? 0 : 1 };
  });
}
