import { describe, expect, it } from "vitest";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { toHex } from "../../../protocol/hex.ts";
import type { Program } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { answerGas, checkAnswers } from "../../../runtime/disputes/answerCost.ts";
import { operandOf, stepOf } from "../../protocol/judge/makeStep.ts";

const word = `0x${"00".repeat(32)}` as const;

function tensorOf(elements: number): CommittedTensor {
  const bytes = new Uint8Array(elements * 4);
  return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
}

/** A dot product of `terms` elements that lie `stride` apart, so that a stride of 256 opens a chunk for each. */
function dot(terms: number, stride: number): { program: Program; tensors: ExecutionTensors } {
  const operand = operandOf(0, terms * stride, { outStrides: [0], reduceStrides: [stride] });
  const step = stepOf(1, [2], [terms], [operand, operand]);
  const program = {
    root: word,
    steps: [step],
    header: { version: 1, graph: word, inputs: word, stepsRoot: word, blocksRoot: word, stepCount: 1, blockCount: 1, inputCount: 1, traceCount: 2, outputs: [1] },
  } as unknown as Program;
  return { program, tensors: { inputs: [tensorOf(1)], trace: [tensorOf(terms * stride), tensorOf(2)], weight: () => tensorOf(1) } };
}

describe("the price of an answer", () => {
  it("grows with the witness", () => {
    const small = dot(256, 1);
    const large = dot(2560, 1);
    // Nine more chunks of each factor.
    const growth = answerGas(large.program, large.tensors, 0, 0) - answerGas(small.program, small.tensors, 0, 0);
    expect(growth).toBeGreaterThan(48 * 9 * 2 * 1024);
    expect(growth).toBeLessThan(60 * 9 * 2 * 1024);
  });

  it("must fit a transaction, whatever is demanded", () => {
    const fits = dot(28_672, 1);
    expect(() => checkAnswers(fits.program, fits.tensors)).not.toThrow();
    const scattered = dot(256, 256);
    expect(() => checkAnswers(scattered.program, scattered.tensors)).toThrowError(expect.objectContaining({ code: "STEP_UNANSWERABLE", details: expect.objectContaining({ step: 0, element: 0 }) }));
  });
});
