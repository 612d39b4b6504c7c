import { GainsayError } from "../errors.ts";
import { evaluateExpression } from "../judge/expression.ts";
import { floatOf } from "../judge/float32.ts";
import type { Interval } from "../judge/interval.ts";
import { judgeElement } from "../judge/judgeElement.ts";
import { elementsRead } from "../judge/taps.ts";
import { elementReader, elementValue, isFloat } from "../program/elements.ts";
import { reductionOps, roles, sources, stepKinds, type Operand, type Program, type Step } from "../program/types.ts";
import { operandReader, resultOf, type ExecutionTensors } from "./stepOperands.ts";

/** How far an honest execution with other floats is from the own one, typically, at any element of the trace. */
export interface FloatNoise {
  /** Absolute deviation; Infinity where floats explain anything. */
  at(stepIndex: number, element: number): number;
}

/** Elements of each tensor from which its noise is estimated. */
const SAMPLES = 8;

/** Half a unit in the last place of float32, relative. */
const U = 2 ** -24;

/** Mean noise of the sampled elements of a tensor, and their mean magnitude. */
interface TensorNoise {
  absolute: number;
  magnitude: number;
}

/**
 * Estimates the noise of an own execution, in program order, as rounding errors of random sign would make it.
 *
 * In a sum of n terms with magnitudes A the judge admits γA ≈ n·u·A; errors of random sign make √n·u·A of it, and terms that are off by
 * ρ of themselves bring ρ·A/√n along. Maps and maxima pass on the noise of the very elements that they read, by interval arithmetic
 * around the own values. Deterministic, but an estimate: it decides where to look next, never who is right.
 */
export function floatNoise(program: Program, own: ExecutionTensors): FloatNoise {
  const definedBy = new Map(program.steps.map(({ result, blockIndex }, i) => [keyOf(result, blockIndex), i] as const));
  const tensors = new Map<string, TensorNoise>();
  const known = new Map<string, number>();

  const element = (stepIndex: number, index: number): number => {
    const key = `${stepIndex}/${index}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const step = program.steps[stepIndex] as Step;
    const noise = !isFloat(step.result.dtype) ? 0 : estimate(step, index);
    known.set(key, noise);
    return noise;
  };

  const estimate = (step: Step, index: number): number => {
    try {
      return step.kind === stepKinds.contraction ? ofSum(step, index) : ofExpression(step, index);
    } catch (error) {
      // What the judge cannot decide here proves nothing there: the walk passes it by.
      if (error instanceof GainsayError) return Infinity;
      throw error;
    }
  };

  /** Noise of one element that an operand reads. */
  const ofRead = (operand: Operand, block: number, read: number): number => {
    const step = definedBy.get(keyOf(operand, block));
    return step === undefined ? 0 : finite(element(step, read));
  };

  const rounding = (step: Step, index: number): number => {
    const claimed = elementReader(resultOf(step, own).bytes, step.result.dtype)(index);
    const { lo, hi } = judgeElement(step, operandReader(step, own), index, claimed);
    return halfWidth({ lo: floatOf(lo), hi: floatOf(hi), nan: false });
  };

  const ofSum = (step: Step, index: number): number => {
    const reads = elementsRead(step, index);
    let beside = 0;
    let relative = 0;
    for (const [i, operand] of step.operands.entries()) {
      if (operand.role !== roles.factor) {
        beside += ofRead(operand, step.blockIndex, reads[i]?.[0]?.first ?? 0);
      } else {
        const noise = tensors.get(keyOf(operand, step.blockIndex));
        if (noise !== undefined && noise.magnitude > 0) relative += noise.absolute / noise.magnitude;
      }
    }
    const terms = step.reduce.reduce((product, size) => product * size, 1) + step.operands.length;
    const gamma = (terms * U) / (1 - terms * U);
    return (rounding(step, index) * (1 + relative / gamma)) / Math.sqrt(terms) + beside;
  };

  const ofExpression = (step: Step, index: number): number => {
    const read = operandReader(step, own);
    const reads = elementsRead(step, index);
    const slots = step.operands.map((operand, i): Interval => {
      let chosen = { value: Number.NaN, at: 0 };
      for (const run of reads[i] ?? []) {
        for (let at = run.first; at < run.first + run.count; at++) {
          const value = elementValue(read(i, at), operand.dtype);
          if (Number.isNaN(chosen.value) || (step.op === reductionOps.min ? value < chosen.value : value > chosen.value)) chosen = { value, at };
        }
      }
      const noise = ofRead(operand, step.blockIndex, chosen.at);
      return { lo: chosen.value - noise, hi: chosen.value + noise, nan: false };
    });
    const plain = step.expression.length === 0 ? slots[0] : evaluateExpression(step.expression, slots.map(({ lo, hi }) => ({ lo: Math.fround(lo), hi: Math.fround(hi), nan: false })));
    return Math.max(rounding(step, index), plain === undefined ? 0 : halfWidth(plain));
  };

  for (const [stepIndex, step] of program.steps.entries()) {
    const { result } = step;
    const count = result.shape.reduce((product, size) => product * size, 1);
    const samples = Math.min(SAMPLES, count);
    const valueAt = elementReader(resultOf(step, own).bytes, result.dtype);
    let absolute = 0;
    let magnitude = 0;
    for (let i = 0; i < samples; i++) {
      const at = Math.floor(((2 * i + 1) * count) / (2 * samples));
      absolute += finite(element(stepIndex, at)) / samples;
      magnitude += finite(Math.abs(elementValue(valueAt(at), result.dtype))) / samples;
    }
    tensors.set(keyOf(result, step.blockIndex), { absolute, magnitude });
  }

  return {
    at(stepIndex, index) {
      const { result, blockIndex } = program.steps[stepIndex] as Step;
      // Where a relu or a maximum hides an element's own noise, that of its neighbours is still there.
      return Math.max(element(stepIndex, index), tensors.get(keyOf(result, blockIndex))?.absolute ?? 0);
    },
  };
}

/** Names a tensor; those of an inner trace also by their block. */
function keyOf({ source, index }: { source: number; index: number }, block: number): string {
  return source === sources.inner ? `${source}/${block}/${index}` : `${source}/${index}`;
}

function halfWidth({ lo, hi }: Interval): number {
  const half = (hi - lo) / 2;
  return half >= 0 ? half : Infinity;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
