import { toHex } from "../../../protocol/hex.ts";
import type { Access, Operand, Range, Step, Witness } from "../../../protocol/program/types.ts";
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

/** The step with changed fields, and changed fields of one operand. */
function changed(made: Partial<Step>, operand: Partial<Operand> = {}, at = 0): (step: Step) => Step {
  return (step) => ({ ...step, ...made, operands: step.operands.map((old, i) => (i === at ? { ...old, ...operand } : old)) });
}

function changedAccess(made: Partial<Access>, at = 0): (step: Step) => Step {
  return (step) => ({ ...step, operands: step.operands.map((old, i) => (i === at ? { ...old, access: { ...old.access, ...made } } : old)) });
}

const anywhere = { outDim: 255, reduceDim: 255, stride: 0, dilation: 0, pad: 0, size: 1 };

/** Faults, and changes of the descriptor of a dot product with one addend and a scalar result that commit them. */
export const unsupported: readonly [fault: string, change: (step: Step) => Step][] = [
  ["UnsupportedVersion", changed({ version: 2 })],
  ["UnknownKind", changed({ kind: 7 as Step["kind"] })],
  ["UnsupportedOp", changed({ op: 1 })],
  ["UnsupportedProfile", changed({ profile: 3 })],
  ["UnsupportedType", changed({}, { dtype: 10 })],
  ["UnsupportedType", (step) => ({ ...step, result: { ...step.result, dtype: 10 } })],
  ["ResultNotInTrace", (step) => ({ ...step, result: { ...step.result, source: 1 } })],
  ["UnexpectedAttributes", changed({ attributes: Uint8Array.of(1) })],
  ["AttributesMalformed", changed({ kind: 5, attributes: new Uint8Array(63) })],
  ["AttributesMalformed", changed({ kind: 5, attributes: new Uint8Array(64).fill(255) })],
  ["AttributesMalformed", changed({ kind: 6, attributes: new Uint8Array(9) })],
  ["AttributesMalformed", (step) => changed({ attributes: new Uint8Array(64).fill(127) }, { dtype: 2 })(changed({}, { dtype: 3 }, 1)(changed({}, { dtype: 6 }, 2)(step)))],
  ["UnsupportedType", changed({}, { dtype: 6 }, 1)],
  ["UnsupportedType", changed({}, { dtype: 6 }, 2)],
  ["UnexpectedRole", (step) => changed({}, { role: 1 })(changedAccess({ reduceStrides: [] })(step))],
  ["UnexpectedRole", (step) => changed({}, { role: 0 }, 2)(changedAccess({ reduceStrides: [0] }, 2)(step))],
  ["UnexpectedWindow", changedAccess({ windows: [anywhere] }, 2)],
  ["UnexpectedReduction", changedAccess({ reduceStrides: [1] }, 2)],
  ["StridesLength", changedAccess({ outStrides: [1] })],
  ["StridesLength", changedAccess({ reduceStrides: [] })],
  ["WindowDimension", changedAccess({ windows: [{ ...anywhere, outDim: 0 }] })],
  ["WindowDimension", changedAccess({ windows: [{ ...anywhere, reduceDim: 1 }] })],
  ["TooManyTaps", changed({ reduce: [2 ** 22] })],
  ["ShapeTooLarge", (step) => ({ ...step, result: { ...step.result, shape: [2 ** 32 - 1, 2 ** 32 - 1] } })],
];

/** Faults that show only when the element is judged. */
export const unjudgeable: readonly [fault: string, change: (step: Step) => Step][] = [
  ["ElementOutOfRange", changedAccess({ offset: 1 })],
  ["ElementOutOfRange", changedAccess({ offset: -1 })],
  ["ElementOutOfRange", changedAccess({ stages: [{ offset: 0, shape: [2], strides: [1] }] })],
  ["ElementOutOfRange", changedAccess({ stages: [{ offset: 0, shape: [3, 0], strides: [1, 1] }] })],
  ["StageShape", changedAccess({ stages: [{ offset: 0, shape: [3], strides: [] }] })],
  ["ExpressionOpcode", changed({ expression: Uint8Array.of(0x01, 0, 0x54) })],
  ["ExpressionSlot", changed({ expression: Uint8Array.of(0x01, 1) })],
  ["ExpressionStack", changed({ expression: Uint8Array.of(0x01, 0, 0x10) })],
  ["ExpressionTruncated", changed({ expression: Uint8Array.of(0x02, 0) })],
  ["UnsupportedSource", changed({}, { source: 4 as 3 })],
  ["InnerTraceMissing", changed({ blockIndex: 77 }, { source: 3 })],
  ["InnerTraceMissing", (step) => ({ ...step, blockIndex: 77, result: { ...step.result, source: 3 } })],
  ["RangeLength", changed({}, { elements: 2 })],
];
