import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floatNoise } from "../../../protocol/dispute/floatNoise.ts";
import { nextDemand, type DemandDecision } from "../../../protocol/dispute/nextDemand.ts";
import { openedElements, type OpenedAnswer, type OpenedRun } from "../../../protocol/dispute/openedElements.ts";
import type { ExecutionTensors } from "../../../protocol/dispute/stepOperands.ts";
import { openTensor } from "../../../protocol/judge/buildWitness.ts";
import { elementsRead } from "../../../protocol/judge/taps.ts";
import { toHex } from "../../../protocol/hex.ts";
import type { Program, Step } from "../../../protocol/program/types.ts";
import type { CommittedTensor } from "../../../protocol/trees/committedTensor.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import { operandOf, stepOf } from "../judge/makeStep.ts";

/** 600 elements, three chunks. */
const N = 600;
const LAYERS = 6;

/**
 * A chain of sums of three neighbours, 0.5·x[i−1] + x[i] + 0.5·x[i+1], each a contraction with padding: a change spreads by one
 * element a layer, so that only the right path leads back to it.
 */
function toyProgram(): Program {
  const steps = Array.from({ length: LAYERS }, (_, layer): Step => {
    const signal = {
      ...operandOf(0, N, { offset: -1, outStrides: [1], reduceStrides: [1], windows: [{ outDim: 0, reduceDim: 0, stride: 1, dilation: 1, pad: 1, size: N }] }),
      source: layer === 0 ? (0 as const) : (2 as const),
      index: layer === 0 ? 0 : layer - 1,
    };
    const taps = { ...operandOf(0, 3, { outStrides: [0], reduceStrides: [1] }), source: 1 as const };
    const step = stepOf(1, [N], [3], [signal, taps]);
    return { ...step, result: { ...step.result, index: layer } };
  });
  return { steps, header: { outputs: [LAYERS - 1] } } as unknown as Program;
}

const program = toyProgram();

function committed(values: Float32Array): CommittedTensor {
  const bytes = new Uint8Array(values.buffer.slice(0));
  return { bytes, leaves: tensorLeaves(bytes), root: toHex(tensorRoot(bytes)) };
}

/** Runs the toy; `order` makes another machine of it, `lie` adds to one element of one layer before the next layers read it. */
function run(order: "left" | "right", lie?: { step: number; element: number; by: number }): ExecutionTensors {
  const input = Float32Array.from({ length: N }, (_, i) => Math.sin(i * 1.7) + 1.5);
  const weight = committed(Float32Array.of(0.5, 1, 0.5));
  const trace: CommittedTensor[] = [];
  let from = input;
  for (let layer = 0; layer < LAYERS; layer++) {
    const to = new Float32Array(N);
    for (let i = 0; i < N; i++) {
      const [a, b, c] = [Math.fround(0.5 * (from[i - 1] ?? 0)), from[i] as number, Math.fround(0.5 * (from[i + 1] ?? 0))];
      to[i] = order === "left" ? Math.fround(a + b) + c : a + Math.fround(b + c);
    }
    if (lie?.step === layer) to[lie.element] = (to[lie.element] as number) + lie.by;
    trace.push(committed(to));
    from = to;
  }
  return { inputs: [committed(input)], trace, weight: () => weight };
}

const own = run("left");
const noise = floatNoise(program, own);

/** What the honest answer to a demand opens of an executor's trace. */
function answerTo(executor: ExecutionTensors, stepIndex: number, element: number): OpenedAnswer {
  const step = program.steps[stepIndex] as Step;
  const reads = elementsRead(step, element);
  const open = (tensor: CommittedTensor, runs: { first: number; count: number }[]) => openTensor({ ...tensor, proof: [] }, runs);
  const operands = step.operands.map((operand, i) => open(operand.source === 1 ? executor.weight(0) : ((operand.source === 0 ? executor.inputs : executor.trace)[operand.index] as CommittedTensor), reads[i] ?? []));
  return openedElements(program, { stepIndex, element, result: open(executor.trace[step.result.index] as CommittedTensor, [{ first: element, count: 1 }]), operands });
}

/** Walks until the strategy stops or demands `guilty`, for which there is no sound answer. */
function walk(executor: ExecutionTensors, guilty?: { step: number; element: number }, limit = 16, outputs: OpenedRun[] = []): { last: DemandDecision; answers: OpenedAnswer[] } {
  const answers: OpenedAnswer[] = [];
  for (;;) {
    const last = nextDemand({ program, own, noise, answers, outputs, limit });
    if (last.kind === "stop" || (last.stepIndex === guilty?.step && last.element === guilty.element)) return { last, answers };
    answers.push(answerTo(executor, last.stepIndex, last.element));
  }
}

describe("the walk by demands", () => {
  it("begins with an output of which nothing is known, its largest element first", () => {
    const values = new Float32Array(own.trace[LAYERS - 1]!.bytes.slice(0, 1024).buffer);
    const largest = values.indexOf(Math.max(...values));
    expect(nextDemand({ program, own, noise, answers: [], outputs: [], limit: 9 })).toEqual({ kind: "demand", stepIndex: LAYERS - 1, element: largest, why: "output", deviation: 0 });
  });

  it("opens each chunk of the outputs of an honest executor with other floats, and believes it", () => {
    const honest = run("right");
    expect(honest.trace.map(({ root }) => root)).not.toEqual(own.trace.map(({ root }) => root));
    const { last, answers } = walk(honest);
    expect(last).toEqual({ kind: "stop", why: "explained", deviation: 0 });
    expect(answers.map(({ stepIndex, element }) => [stepIndex, Math.floor(element / 256)])).toEqual([[LAYERS - 1, 0], [LAYERS - 1, 1], [LAYERS - 1, 2]]);
  });

  it("asks nothing if the served outputs are explained", () => {
    const { bytes } = run("right").trace[LAYERS - 1] as CommittedTensor;
    expect(walk(run("right"), undefined, 16, [{ tensor: LAYERS - 1, first: 0, bytes }])).toEqual({ last: { kind: "stop", why: "explained", deviation: 0 }, answers: [] });
  });

  it("begins at the largest deviation of the served outputs", () => {
    const lie = { step: 2, element: 300, by: 0.25 };
    const executor = run("right", lie);
    const { bytes } = executor.trace[LAYERS - 1] as CommittedTensor;
    const { last, answers } = walk(executor, lie, 16, [{ tensor: LAYERS - 1, first: 0, bytes }]);
    expect(last).toMatchObject({ kind: "demand", stepIndex: 2, element: 300, why: "deviation" });
    expect(answers.map(({ stepIndex }) => stepIndex)).toEqual([5, 4, 3]);
  });

  it("stops at the limit, and says that there was more", () => {
    const lie = { step: 0, element: 10, by: 1 };
    const { last, answers } = walk(run("right", lie), lie, 3);
    expect(answers.length).toBe(3);
    expect(last).toMatchObject({ kind: "stop", why: "limit" });
    expect(last.deviation).toBeGreaterThan(100);
  });

  it.each([NaN, Infinity, -Infinity])("follows %s to where it came from", (by) => {
    const lie = { step: 1, element: 400, by };
    // All that a NaN has spread to deviates without bound, so the walk has to try its neighbours too.
    expect(walk(run("right", lie), lie, 60).last).toMatchObject({ kind: "demand", stepIndex: 1, element: 400 });
  });

  it("finds any lie that is visible at the output, within a demand for each layer and each output chunk", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAYERS - 1 }), fc.integer({ min: 0, max: N - 1 }), fc.double({ min: 0.01, max: 1e6, noNaN: true }), fc.boolean(), (step, element, size, negative) => {
        const lie = { step, element, by: negative ? -size : size };
        const { last, answers } = walk(run("right", lie), lie, 64);
        expect(last).toMatchObject({ kind: "demand", stepIndex: step, element });
        expect(answers.length).toBeLessThanOrEqual(3 + LAYERS);
      }),
      { numRuns: 60 },
    );
  });
});
