import { elementCount, isFloat } from "../program/elements.ts";
import { dtypeBytes, stepKinds } from "../program/types.ts";
import { stepsRead } from "./borders.ts";
import type { DraftStep } from "./draft.ts";
import type { LoweredGraph } from "./lowerGraph.ts";

/** How a program is divided: cuts at a few narrow tensors, or every step a block of its own. */
export const granularities = ["block", "layer"] as const;
export type Granularity = (typeof granularities)[number];

/** What the command line takes if nobody says otherwise. */
export const defaultGranularity: Granularity = "block";

/**
 * Nanoseconds that kernels and hashing take on a common two-core machine (docs/compiler.md, "Blocks"). They are constants, not measured where the
 * compiler happens to run: the same model must give the same program everywhere.
 */
const cost = {
  /** One multiplication and addition of a contraction. */
  tapFloat: 0.024,
  tapInteger: 0.018,
  /** One tap of a reduction or a normalisation. */
  tapOther: 0.3,
  /** One element of a result. */
  element: 0.1,
  /** Each node of the graph, whatever it computes. */
  node: 1_500,
  /** Copying and hashing one byte of a posted tensor. */
  postedByte: 2.5,
  /** Each posted tensor. */
  posted: 8_000,
};

/** What the borders besides the outputs may cost, as a part of the run. */
const BUDGET = 0.06;

/** Bisections of the price of a border, from free to prohibitive. */
const ROUNDS = 60;

/**
 * The block of each step, by a fixed cost model. Of all divisions whose borders cost at most a fixed part of the run, that one is taken whose blocks
 * are smallest (by the sum of the squares of what each would have to hash if it were disputed), found by dynamic programming with a
 * price on borders. Blocks end after contractions.
 */
export function chooseBlocks({ steps, outputs }: LoweredGraph, granularity: Granularity): number[] {
  if (granularity === "layer" || steps.length === 0) return steps.map((_, index) => index);
  const isOutput = new Set(outputs.flatMap(({ view: { base } }) => (base.kind === "step" ? [base.index] : [])));
  const lastRead = steps.map((_, index) => (isOutput.has(index) ? steps.length : index));
  steps.forEach((step, reader) => {
    for (const read of stepsRead(step)) lastRead[read] = Math.max(lastRead[read]!, reader);
  });
  const hashing = steps.map((step) => elementCount(step.shape) * dtypeBytes[step.dtype] * cost.postedByte + cost.posted);
  const fixed = [...isOutput].reduce((sum, index) => sum + hashing[index]!, 0);
  const budget = BUDGET * steps.reduce((sum, step) => sum + runTime(step), 0) + fixed;
  const divide = (price: number): { blockOf: number[]; borders: number } => division(steps, hashing, lastRead, price);

  let best = divide(Infinity);
  let low = 1;
  let high = 1e15;
  for (let round = 0; round < ROUNDS; round++) {
    const price = Math.sqrt(low * high);
    const found = divide(price);
    if (found.borders <= budget) {
      best = found;
      high = price;
    } else {
      low = price;
    }
  }
  return best.blockOf;
}

/** Estimated nanoseconds of a step. */
function runTime({ core, shape, nodes }: DraftStep): number {
  const elements = elementCount(shape);
  const taps = core === undefined ? 0 : elementCount(core.reduce);
  const tap = core?.kind !== stepKinds.contraction ? cost.tapOther : isFloat(core.factors[0]!.view.dtype) ? cost.tapFloat : cost.tapInteger;
  return elements * (taps * tap + cost.element) + Math.max(1, nodes.length) * cost.node;
}

/** The division with the least Σ (hashing of a block's results)² + price · (hashing of its borders), and what its borders cost. */
function division(steps: readonly DraftStep[], hashing: readonly number[], lastRead: readonly number[], price: number): { blockOf: number[]; borders: number } {
  const count = steps.length;
  const least = new Array<number>(count + 1).fill(Infinity);
  const borders = new Array<number>(count + 1).fill(0);
  const begin = new Array<number>(count + 1).fill(0);
  least[0] = 0;
  for (let end = 1; end <= count; end++) {
    if (end < count && (price === Infinity || steps[end - 1]!.core?.kind !== stepKinds.contraction)) continue;
    let inside = 0;
    let posted = 0;
    for (let first = end - 1; first >= 0; first--) {
      inside += hashing[first]!;
      if (lastRead[first]! >= end) posted += hashing[first]!;
      const total = least[first]! + inside * inside + (price === Infinity ? 0 : price * posted);
      if (total < least[end]!) {
        least[end] = total;
        begin[end] = first;
        borders[end] = borders[first]! + posted;
      }
    }
  }
  const blockOf = new Array<number>(count).fill(0);
  const ends: number[] = [];
  for (let end = count; end > 0; end = begin[end]!) ends.unshift(end);
  let from = 0;
  ends.forEach((end, block) => {
    blockOf.fill(block, from, end);
    from = end;
  });
  return { blockOf, borders: borders[count]! };
}
