import { stepKinds, type Step } from "../program/types.ts";
import { compileStep } from "./compileStep.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

/** `count` consecutive elements of a committed tensor from `first` on. */
export interface ElementRun {
  first: number;
  count: number;
}

/**
 * What the judge reads to decide an element of a step: for each operand the runs of elements of its committed tensor, ascending,
 * disjoint, neighbours merged. Throws as `judgeElement` does.
 */
export function elementsRead(step: Step, element: number): ElementRun[][] {
  const compiled = compileStep(step);
  const coords = coordinatesOf(compiled, element);
  const read = step.operands.map((): ElementRun[] => []);
  const take = (operand: number, linear: number, count: number): void => {
    const map = compiled.maps[operand];
    const runs = read[operand];
    if (map === undefined || runs === undefined) return;
    if (map.stride === 1 && !map.staged) {
      map.resolve(linear + count - 1);
      runs.push({ first: map.resolve(linear), count });
      return;
    }
    for (let k = 0; k < count; k++) runs.push({ first: map.resolve(linear + k * map.stride), count: 1 });
  };
  if (step.kind !== stepKinds.map) {
    walkRuns(compiled, coords, (first, second, count) => {
      take(0, first, count);
      if (compiled.factors > 1) take(1, second, count);
    });
  }
  for (let i = compiled.factors; i < compiled.maps.length; i++) {
    take(i, (compiled.maps[i] as (typeof compiled.maps)[number]).linear(coords, []), 1);
  }
  return read.map(merge);
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
