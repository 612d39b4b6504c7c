import type { RawElement } from "../program/elements.ts";
import { stepKinds, type Step } from "../program/types.ts";
import { compileStep, type CompiledStep } from "./compileStep.ts";
import { gatheredAt } from "./gather.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** `count` consecutive elements of a committed tensor from `first` on. */
export interface ElementRun {
  first: number;
  count: number;
}

/** One element of an operand's committed tensor; a float32 as its bits. */
export type ReadOperand = (operand: number, element: number) => RawElement;

/** The only operand of a movement that is opened for an element, or their number if none is; undefined for other kinds: all are. */
export function chosenOperand(step: Step, element: number): number | undefined {
  if (step.kind !== stepKinds.movement) return undefined;
  const compiled = compileStep(step);
  return presentOperand(compiled, coordinatesOf(compiled, element));
}

/** The first operand whose windows all allow the element, or the number of operands. */
export function presentOperand(compiled: CompiledStep, coords: readonly number[]): number {
  const found = compiled.maps.findIndex((map) => map.isPresent(coords));
  return found < 0 ? compiled.maps.length : found;
}

/**
 * What the judge reads to decide an element of a step: for each operand the runs of elements of its committed tensor, ascending,
 * disjoint, neighbours merged. `read` gives the indices of a gather; without it only the indices themselves are listed.
 * Throws as `judgeElement` does.
 */
export function elementsRead(step: Step, element: number, read?: ReadOperand): ElementRun[][] {
  const compiled = compileStep(step);
  const coords = coordinatesOf(compiled, element);
  const found = step.operands.map((): ElementRun[] => []);
  const take = (operand: number, linear: number, count: number): void => {
    const map = compiled.maps[operand];
    const runs = found[operand];
    if (map === undefined || runs === undefined) return;
    if (map.stride === 1 && !map.staged) {
      map.resolve(linear + count - 1);
      runs.push({ first: map.resolve(linear), count });
      return;
    }
    for (let k = 0; k < count; k++) runs.push({ first: map.resolve(linear + k * map.stride), count: 1 });
  };
  if (step.kind === stepKinds.movement) {
    const only = presentOperand(compiled, coords);
    const map = compiled.maps[only];
    if (map !== undefined) take(only, map.linear(coords, []), 1);
    return found;
  }
  if (step.kind === stepKinds.gather) {
    take(0, (compiled.maps[0] as CompiledStep["maps"][number]).linear(coords, []), 1);
    const index = read === undefined ? undefined : gatheredAt(compiled, coords, read);
    if (index !== undefined) take(1, index, 1);
  } else if (step.kind !== stepKinds.map) {
    walkRuns(compiled, coords, (first, second, count) => {
      take(0, first, count);
      if (compiled.factors > 1) take(1, second, count);
    });
  }
  for (let i = compiled.factors; i < compiled.maps.length; i++) {
    take(i, (compiled.maps[i] as (typeof compiled.maps)[number]).linear(coords, []), 1);
  }
  return found.map(merge);
}

function merge(runs: ElementRun[]): ElementRun[] {
  const merged: ElementRun[] = [];
  for (const run of runs.sort((x, y) => x.first - y.first)) {
    const last = merged[merged.length - 1];
    if (last !== undefined && run.first <= last.first + last.count) {
      last.count = Math.max(last.count, run.first + run.count - last.first);
    } else {
      merged.push({ ...run });
    }
  }
  return merged;
}
