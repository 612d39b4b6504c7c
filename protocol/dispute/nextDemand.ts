import { elementReader, elementValue } from "../program/elements.ts";
import { dtypeBytes, sources, type Program, type Step } from "../program/types.ts";
import { CHUNK_BYTES } from "../trees/tensorTree.ts";
import { definingStep, stepOfTrace } from "./definingStep.ts";
import type { FloatNoise } from "./floatNoise.ts";
import type { OpenedAnswer, OpenedRun } from "./openedElements.ts";
import { resultOf, type ExecutionTensors } from "./stepOperands.ts";

/** An element to demand, and why; or that there is nothing left to ask. */
export type DemandDecision =
  | {
      kind: "demand";
      stepIndex: number;
      element: number;
      /** `deviation`: the committed value is further from the own one than floats explain. `output`: nothing is known of it yet. */
      why: "deviation" | "output";
      /** |committed − own| in units of what floats explain; 0 for an unknown output. */
      deviation: number;
    }
  /** `explained`: all that was opened agrees within float noise. `limit`: there is more to ask, but no demand left. */
  | { kind: "stop"; why: "explained" | "limit"; deviation: number };

export interface DemandState {
  program: Program;
  own: ExecutionTensors;
  noise: FloatNoise;
  /** Sound answers so far, oldest first. */
  answers: readonly OpenedAnswer[];
  /** Committed outputs that could be had otherwise; whole tensors. */
  outputs: readonly OpenedRun[];
  /** Demands that may be made in all. */
  limit: number;
}

/** Elements of one look whose noise is worked out; only the largest differences can be the largest deviations, or nearly so. */
const CANDIDATES = 64;

/**
 * Deviations up to here are float noise. Honest executions at other optimisation levels of two small models were measured at up to 0.34 of the estimated
 * noise; what the judge calls fraud in a sum of n terms is √n of it at least.
 */
const EXPLAINED = 8;

/**
 * The walk backwards through a withheld trace (docs/protocol.md §6): from an output that deviates to the input that deviates most,
 * and so on, through the inner traces of blocks as well. Where an answer shows nothing more, the walk resumes at whatever deviates elsewhere, then at outputs not seen yet.
 */
export function nextDemand(state: DemandState): DemandDecision {
  const { answers, outputs, limit } = state;
  const asked = new Set(answers.map(({ stepIndex, element }) => `${stepIndex}/${element}`));
  const last = answers.at(-1);
  const found = worstOf(state, last?.inputs ?? [], asked) ?? worstOf(state, [...outputs, ...answers.flatMap(({ result, inputs }) => [...result, ...inputs])], asked) ?? unseenOutput(state);
  if (found === undefined) return { kind: "stop", why: "explained", deviation: 0 };
  return answers.length < limit ? { kind: "demand", ...found } : { kind: "stop", why: "limit", deviation: found.deviation };
}

type Found = Omit<Extract<DemandDecision, { kind: "demand" }>, "kind">;

/** The element that deviates most, if floats do not explain it and it has not been asked about. */
function worstOf({ program, own, noise }: DemandState, runs: readonly OpenedRun[], asked: ReadonlySet<string>): Found | undefined {
  const differing: { stepIndex: number; element: number; distance: number; relative: number }[] = [];
  for (const { tensor, block, first, bytes } of runs) {
    const stepIndex = definingStep(program, block === undefined ? sources.trace : sources.inner, block ?? 0, tensor);
    const step = program.steps[stepIndex] as Step;
    const { dtype } = step.result;
    const claimed = elementReader(bytes, dtype);
    const mine = elementReader(resultOf(step, own).bytes, dtype);
    for (let i = 0; i < bytes.length / dtypeBytes[dtype]; i++) {
      const a = elementValue(claimed(i), dtype);
      const b = elementValue(mine(first + i), dtype);
      if (Object.is(a, b) || a === b || asked.has(`${stepIndex}/${first + i}`)) continue;
      const difference = Math.abs(a - b);
      const distance = Number.isNaN(difference) ? Infinity : difference;
      differing.push({ stepIndex, element: first + i, distance, relative: distance / Math.max(Math.abs(a), Math.abs(b)) });
    }
  }
  const candidates = new Set(differing.sort((a, b) => order(b.distance, a.distance)).slice(0, CANDIDATES));
  for (const one of differing.sort((a, b) => order(b.relative, a.relative)).slice(0, CANDIDATES)) candidates.add(one);
  let worst: Found | undefined;
  for (const { stepIndex, element, distance } of candidates) {
    const explained = noise.at(stepIndex, element);
    const deviation = distance === Infinity ? Infinity : explained === 0 ? Infinity : distance / explained;
    if (deviation > (worst?.deviation ?? EXPLAINED)) worst = { stepIndex, element, why: "deviation", deviation };
  }
  return worst;
}

/** The largest own element of the first output chunk that nothing has shown yet: one demand opens the chunk. */
function unseenOutput({ program, own, answers, outputs }: DemandState): Found | undefined {
  const shown = [...outputs, ...answers.flatMap(({ result, inputs }) => [...result, ...inputs])];
  for (const tensor of new Set(program.header.outputs)) {
    const stepIndex = stepOfTrace(program, tensor);
    const step = program.steps[stepIndex] as Step;
    const { dtype } = step.result;
    const size = dtypeBytes[dtype];
    const { bytes } = resultOf(step, own);
    const value = elementReader(bytes, dtype);
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      if (shown.some((run) => run.block === undefined && run.tensor === tensor && run.first * size <= start && start < run.first * size + run.bytes.length)) continue;
      let element = start / size;
      const magnitude = (i: number): number => Math.abs(elementValue(value(i), dtype));
      for (let i = element; i < Math.min(start + CHUNK_BYTES, bytes.length) / size; i++) if (magnitude(i) > magnitude(element)) element = i;
      return { stepIndex, element, why: "output", deviation: 0 };
    }
  }
  return undefined;
}

function order(a: number, b: number): number {
  return a === b ? 0 : a > b || Number.isNaN(b) ? 1 : -1;
}
