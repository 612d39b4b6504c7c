import { zeroHash } from "viem";
import { describe, expect, it } from "vitest";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import { operandReader, type ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { dtypes, profiles, roles, sources, stepKinds, type Program, type Source, type Step } from "../../../protocol/program/types.ts";
import { elementReader } from "../../../protocol/program/elements.ts";
import { reconcileTrace } from "../../../runtime/audit/conformance/reconcileTrace.ts";
import { createRandom } from "../../../runtime/audit/random.ts";

const COUNT = 4;
const EXP = [0x01, 0, 0x23];
const PRODUCT = [0x01, 0, 0x01, 1, 0x12];

function map(index: number, operands: [Source, number, number][], expression: number[]): Step {
  return {
    version: 1, kind: stepKinds.map, op: 0, profile: profiles.fp32, blockIndex: index, result: { dtype: dtypes.float32, source: sources.trace, index, shape: [COUNT] }, reduce: [],
    operands: operands.map(([source, at, elements]) => ({ role: roles.value, dtype: dtypes.float32, source, index: at, root: zeroHash, elements, access: { offset: 0, outStrides: [elements === 1 ? 0 : 1], reduceStrides: [], windows: [], stages: [] } })),
    expression: Uint8Array.from(expression), attributes: new Uint8Array(),
  };
}

/** y = exp(x) · x by two steps; the output is the second tensor. */
const program = { header: { outputs: [1] }, steps: [map(0, [[sources.input, 0, COUNT]], EXP), map(1, [[sources.trace, 0, COUNT], [sources.input, 0, COUNT]], PRODUCT)] } as unknown as Program;

const tensor = (values: Float32Array) => ({ root: zeroHash, leaves: new Uint8Array(), bytes: new Uint8Array(values.slice().buffer) });

/** An execution whose output follows from an exponential `steps` floats beside the one that it shows at element 2. */
function execution(steps: number): ExecutionTensors {
  const x = Float32Array.of(-1, 0.25, 1.5, 3);
  const shown = x.map(Math.exp);
  const used = shown.slice();
  new Uint32Array(used.buffer)[2]! += steps;
  return { inputs: [tensor(x)], trace: [tensor(shown), tensor(used.map((value, i) => Math.fround(value * x[i]!)))], weight: () => tensor(x) };
}

function frauds(tensors: ExecutionTensors): number {
  return program.steps.flatMap((step) => Array.from({ length: COUNT }, (_, element) => judgeElement(step, operandReader(step, tensors), element, elementReader(tensors.trace[step.result.index]!.bytes, dtypes.float32)(element)).fraud)).filter(Boolean).length;
}

describe("tensors in between published ones", () => {
  it("stay as they are where every step is sound", () => {
    expect(reconcileTrace(program, execution(0))).toEqual(new Map());
  });

  it("are moved within what the steps before allow", () => {
    const tensors = execution(3);
    expect(frauds(tensors)).toBe(1);
    expect(reconcileTrace(program, tensors)).toEqual(new Map([[0, [2]]]));
    expect(frauds(tensors)).toBe(0);
  });

  it("are not moved to explain an output that no execution gives", () => {
    const tensors = execution(40);
    const before = tensors.trace.map(({ bytes }) => bytes.slice());
    expect(reconcileTrace(program, tensors)).toBeUndefined();
    expect(tensors.trace.map(({ bytes }) => bytes)).toEqual(before);
  });
});

describe("softmax with another kernel's exponentials and sums", () => {
  const [rows, columns] = [4, 16];
  const step = (index: number, kind: Step["kind"], shape: number[], reduce: number[], operands: [Source, number, number, number[], number[]][], expression: number[]): Step => ({
    ...map(index, [], expression), kind, reduce, result: { dtype: dtypes.float32, source: sources.trace, index, shape },
    operands: operands.map(([source, at, elements, outStrides, reduceStrides]) => ({
      role: kind === stepKinds.map ? roles.value : roles.factor, dtype: dtypes.float32, source, index: at, root: zeroHash, elements, access: { offset: 0, outStrides, reduceStrides, windows: [], stages: [] },
    })),
  });
  const softmax = {
    header: { outputs: [2] },
    steps: [
      step(0, stepKinds.map, [rows, columns], [], [[sources.input, 0, 64, [columns, 1], []]], EXP),
      step(1, stepKinds.contraction, [rows], [columns], [[sources.trace, 0, 64, [columns], [1]], [sources.weight, 0, 1, [0], [0]]], []),
      step(2, stepKinds.map, [rows, columns], [], [[sources.trace, 0, 64, [columns, 1], []], [sources.trace, 1, rows, [1, 0], []]], [0x01, 0, 0x01, 1, 0x13]),
    ],
  } as unknown as Program;
  const wrong = (tensors: ExecutionTensors): number =>
    softmax.steps.reduce((sum, each) => {
      const count = each.result.shape.reduce((product, size) => product * size, 1);
      const claimed = elementReader(tensors.trace[each.result.index]!.bytes, dtypes.float32);
      return sum + Array.from({ length: count }, (_, element) => judgeElement(each, operandReader(each, tensors), element, claimed(element)).fraud).filter(Boolean).length;
    }, 0);

  it.each([1, 2, 3, 4, 5])("is explained (seed %i)", (seed) => {
    const random = createRandom(seed);
    const x = Float32Array.from({ length: 64 }, () => -8 * random.unit());
    const own = x.map(Math.exp);
    const theirs = own.slice();
    const bits = new Uint32Array(theirs.buffer);
    for (let i = 0; i < bits.length; i++) bits[i]! += random.below(3) - 1;
    const sums = (values: Float32Array, backwards: boolean): Float32Array =>
      Float32Array.from({ length: rows }, (_, row) => {
        const line = [...values.subarray(row * columns, (row + 1) * columns)];
        return (backwards ? line.reverse() : line).reduce((sum, value) => Math.fround(sum + value), 0);
      });
    const divisors = sums(theirs, true);
    const tensors: ExecutionTensors = { inputs: [tensor(x)], trace: [tensor(own), tensor(sums(own, false)), tensor(theirs.map((value, i) => value / divisors[Math.floor(i / columns)]!))], weight: () => tensor(Float32Array.of(1)) };
    expect(wrong(tensors)).toBeGreaterThan(0);
    expect(reconcileTrace(softmax, tensors)).toBeDefined();
    expect(wrong(tensors)).toBe(0);
  });
});
