import { tensorOf } from "../../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../../protocol/errors.ts";
import { compileStep } from "../../../protocol/judge/compileStep.ts";
import { coordinatesOf, walkRuns } from "../../../protocol/judge/walkRuns.ts";
import { reductionOps, sources, stepKinds, type Step } from "../../../protocol/program/types.ts";
import { floatsOf, type OpenTrace } from "../openTrace.ts";
import { derivatives } from "./evaluateNumbers.ts";

/**
 * Derivatives of `Σ seed·output` with respect to every element of every trace tensor, by going back through the steps of the
 * program at the committed values. For contractions, maps and max or min reductions; throws `STEP_WITHOUT_GRADIENT` for others.
 */
export function gradients(trace: OpenTrace, output: number, seed: Float64Array): Float64Array[] {
  const { program } = trace;
  const result = program.trace.map(({ shape }) => new Float64Array(shape.reduce((product, size) => product * size, 1)));
  (result[output] as Float64Array).set(seed);
  for (const step of [...program.steps].reverse()) goBack(step, trace, result);
  return result;
}

function goBack(step: Step, trace: OpenTrace, result: Float64Array[]): void {
  const own = result[step.result.index] as Float64Array;
  const compiled = compileStep(step);
  const { maps, factors, firstValue } = compiled;
  const values = step.operands.map((operand) => floatsOf(tensorOf(operand, trace, step.blockIndex).bytes));
  const into = step.operands.map(({ source, index }) => (source === sources.trace ? result[index] : undefined));
  if (![stepKinds.contraction, stepKinds.map, stepKinds.reduction].some((kind) => kind === step.kind)) {
    throw new GainsayError("The attack knows no derivative of this kind of step.", { code: "STEP_WITHOUT_GRADIENT", details: { kind: step.kind } });
  }
  for (let element = 0; element < own.length; element++) {
    const outer = own[element] as number;
    if (outer === 0) continue;
    const coords = coordinatesOf(compiled, element);
    const place = (operand: number): number => maps[operand]!.resolve(maps[operand]!.linear(coords, []));
    const taps: [number, number][] = [];
    const [f, g] = [maps[0]!, maps[1]!];
    if (step.kind !== stepKinds.map) {
      walkRuns(compiled, coords, (first, second, count) => {
        for (let k = 0; k < count; k++) taps.push([f.resolve(first + k * f.stride), factors > 1 ? g.resolve(second + k * g.stride) : 0]);
      });
    }
    let core: number[] = [];
    let winner = 0;
    if (step.kind === stepKinds.contraction) {
      let sum = 0;
      for (const [i, j] of taps) sum += values[0]![i]! * values[1]![j]!;
      for (let k = factors; k < firstValue; k++) sum += values[k]![place(k)]!;
      core = [sum];
    } else if (step.kind === stepKinds.reduction) {
      const sign = step.op === reductionOps.min ? -1 : 1;
      winner = taps.reduce((best, [i]) => (sign * values[0]![i]! > sign * values[0]![best]! ? i : best), taps[0]![0]);
      core = [values[0]![winner]!];
    }
    const slots = [...core, ...Array.from({ length: maps.length - firstValue }, (_, k) => values[firstValue + k]![place(firstValue + k)]!)];
    const inner = derivatives(step.expression, slots).map((derivative) => derivative * outer);
    if (step.kind === stepKinds.contraction) {
      for (const [i, j] of taps) {
        if (into[0] !== undefined) into[0][i]! += inner[0]! * values[1]![j]!;
        if (into[1] !== undefined) into[1][j]! += inner[0]! * values[0]![i]!;
      }
      for (let k = factors; k < firstValue; k++) if (into[k] !== undefined) into[k]![place(k)]! += inner[0]!;
    } else if (step.kind === stepKinds.reduction && into[0] !== undefined) into[0][winner]! += inner[0]!;
    for (let k = firstValue; k < maps.length; k++) if (into[k] !== undefined) into[k]![place(k)]! += inner[core.length + k - firstValue]!;
  }
}
