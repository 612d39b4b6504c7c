import { toHex } from "../../../protocol/hex.ts";
import type { Range, Witness } from "../../../protocol/program/types.ts";
import { rangeProof } from "../../../protocol/trees/merkle.ts";
import { tensorLeaves, tensorTree } from "../../../protocol/trees/tensorTree.ts";
import { operandOf, stepOf } from "../../protocol/judge/makeStep.ts";
import { commitCase } from "./commitCase.ts";
import { Random, randomTensor } from "./random.ts";
import type { Case } from "./randomCase.ts";

/** A dot product of 512 terms whose reads span chunks: three of the first factor from the middle, two of weights, one bias. */
export function wideCase(): Case {
  const k = 512;
  const factor = (offset: number, elements: number) => operandOf(0, elements, { offset, outStrides: [0], reduceStrides: [1] });
  const step = stepOf(1, [4], [k], [factor(300, 2000), factor(0, k), operandOf(1, 4, { outStrides: [1] })]);
  const random = new Random(1);
  return { label: "wide", step, operands: step.operands.map(({ elements }) => randomTensor(random, elements, "tame")), element: 2 };
}

export const whole = commitCase(wideCase(), 0, new Random(2));
const { witness } = whole;
const range = (witness.operands[0] as Witness["operands"][number]).ranges[0] as Range;
const hash = new Uint8Array(32);

/** The same three chunks as two ranges side by side, each with its own proof. */
function splitRanges(): Range[] {
  const [bytes] = wideCase().operands as [Uint8Array];
  const tree = tensorTree(tensorLeaves(bytes), bytes.length);
  return [[1, 1], [2, 2]].map(([first, count]) => ({
    first: first as number,
    data: bytes.slice((first as number) * 1024, ((first as number) + (count as number)) * 1024),
    siblings: rangeProof(tree, first as number, count as number),
  }));
}

function withRanges(ranges: Range[]): Partial<Witness> {
  return { operands: witness.operands.map((opening, i) => (i === 0 ? { ...opening, ranges } : opening)) };
}

/** Faults, and changes of the whole witness that commit them. */
export const malformed: readonly [fault: string, change: Partial<Witness>][] = [
  ["ProgramMismatch", { header: { ...witness.header, stepCount: 4 } }],
  ["StepNotInProgram", { stepIndex: 2 }],
  ["StepNotInProgram", { step: Uint8Array.from([...witness.step, 0]) }],
  ["IndexOutOfTree", { stepIndex: 3 }],
  ["ProofLength", { stepProof: [...witness.stepProof, hash] }],
  ["ElementNotInResult", { element: 4 }],
  ["OperandCount", { operands: witness.operands.slice(1) }],
  ["RootNotCommitted", { result: { ...witness.result, root: toHex(hash) } }],
  ["ProofLength", { result: { ...witness.result, proof: [...witness.result.proof, hash] } }],
  ["ElementNotOpened", { result: { ...witness.result, ranges: [] } }],
  ["ElementNotOpened", withRanges([])],
  ["RangeNotInTensor", withRanges([{ ...range, siblings: [...range.siblings].reverse() }])],
  ["RangeNotInTensor", withRanges([{ ...range, data: range.data.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) }])],
  ["ProofLength", withRanges([{ ...range, first: 2 }])],
  ["IndexOutOfTree", withRanges([{ ...range, first: 9 }])],
  ["RangeLength", withRanges([{ ...range, data: range.data.subarray(1) }])],
  ["ProofLength", withRanges([{ ...range, siblings: range.siblings.slice(1) }])],
  ["ProofLength", withRanges([{ ...range, siblings: [...range.siblings, hash] }])],
  ["RangesNotAscending", withRanges([range, range])],
  ["RangesNotAscending", withRanges(splitRanges())],
];
