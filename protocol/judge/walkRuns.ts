import { coordinates } from "./access.ts";
import type { CompiledStep } from "./compileStep.ts";
import { judgeError } from "./judgeError.ts";

/**
 * Calls back with the linear index of each factor's first tap of a run along the last reduction dimension, the taps in it, and the
 * place of the first one in the whole reduction domain.
 */
export type RunVisitor = (first: number, second: number, count: number, position: number) => void;

/** Output coordinates of an element; throws `ELEMENT_NOT_IN_RESULT`. */
export function coordinatesOf(compiled: CompiledStep, element: number): number[] {
  if (!(Number.isSafeInteger(element) && element >= 0 && element < compiled.elements)) {
    throw judgeError("ElementNotInResult", "The result has no such element.", { element, elements: compiled.elements });
  }
  return coordinates(compiled.step.result.shape, element);
}

/** Visits the present taps of an element in row-major order of the reduction dimensions; `second` is 0 with one factor. */
export function walkRuns(compiled: CompiledStep, coords: readonly number[], visit: RunVisitor): void {
  const sizes = compiled.step.reduce;
  const rank = sizes.length;
  const length = rank === 0 ? 1 : (sizes[rank - 1] as number);
  const runs = length === 0 ? 0 : compiled.taps / length;
  const f = compiled.maps[0];
  const g = compiled.factors > 1 ? compiled.maps[1] : undefined;
  if (f === undefined) return;
  const r = new Array<number>(rank).fill(0);
  const run = { from: 0, to: 0 };
  for (let i = 0; i < runs; i++) {
    run.from = 0;
    run.to = length;
    f.clip(coords, r, run);
    g?.clip(coords, r, run);
    if (run.from < run.to) {
      const first = f.linear(coords, r) + run.from * f.stride;
      const second = g === undefined ? 0 : g.linear(coords, r) + run.from * g.stride;
      visit(first, second, run.to - run.from, i * length + run.from);
    }
    for (let k = rank - 2; k >= 0; k--) {
      r[k] = (r[k] as number) + 1;
      if ((r[k] as number) < (sizes[k] as number)) break;
      r[k] = 0;
    }
  }
}
