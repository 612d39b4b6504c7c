import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { floatsOf, openTrace } from "../openTrace.ts";
import { boundAttack, type Attack } from "./boundAttack.ts";
import { closeInputs } from "./closeInputs.ts";
import { convict } from "./convict.ts";

/** What the bound-aware attacker achieves on one model. */
export interface AttackReport {
  inputs: number;
  flips: number;
  /** How often the judge convicted; anything but 0 is a fault of the experiment. */
  convicted: number;
  /** Median and largest shift of the difference between the two largest logits; the same relative to the largest logit. */
  shift: Spread;
  relativeShift: Spread;
  /** Largest difference of that gap between the honest traces and those of another honest back end. */
  noise: number;
  /** Honest difference between the two largest logits: least and median over the inputs. */
  leastGap: number;
  medianGap: number;
  /** Slack a step, relative to the largest magnitude of its tensor: median over inputs of the median and of the largest element. */
  steps: { step: number; medianSlack: number; largestSlack: number; rmsSlack: number; reach: number }[];
  /** Inputs next to a border between classes, by their honest gap in units of the shift that the attacker achieves on them. */
  close: { inputs: number; flips: number; convicted: number; byGap: { upTo: number; inputs: number; flips: number }[] };
}

export interface Spread {
  median: number;
  largest: number;
}

/** Attacks every input, and as many inputs near class borders as can be found among their blends. */
export async function attackBounds(bundle: Bundle, given: readonly (readonly Uint8Array[])[], honest: readonly (readonly Uint8Array[])[], otherHonest: readonly (readonly Uint8Array[])[], closeCount: number): Promise<AttackReport> {
  const attacks: Attack[] = [];
  let convicted = 0;
  given.forEach((inputs, i) => {
    const attack = boundAttack(bundle, inputs, honest[i] as Uint8Array[]);
    if (convict(openTrace(bundle, inputs, attack.trace)) !== undefined) convicted++;
    attacks.push(attack);
  });
  const shifts = attacks.map(({ honestGap, attackedGap }) => honestGap - attackedGap);
  const close = { inputs: 0, flips: 0, convicted: 0, byGap: [0.25, 0.5, 1, 2, Infinity].map((upTo) => ({ upTo, inputs: 0, flips: 0 })) };
  for (const { inputs, honest: own } of await closeInputs(bundle, given, closeCount)) {
    const attack = boundAttack(bundle, inputs, own);
    const bin = close.byGap.find(({ upTo }) => attack.honestGap <= upTo * (attack.honestGap - attack.attackedGap)) as { inputs: number; flips: number };
    close.inputs++;
    bin.inputs++;
    if (attack.flipped) {
      close.flips++;
      bin.flips++;
    }
    if (convict(openTrace(bundle, inputs, attack.trace)) !== undefined) close.convicted++;
  }
  const output = bundle.program.header.outputs[0] as number;
  const gaps = attacks.map(({ honestGap }) => honestGap);
  return {
    inputs: given.length,
    flips: attacks.filter(({ flipped }) => flipped).length,
    convicted,
    shift: spreadOf(shifts),
    relativeShift: spreadOf(shifts.map((shift, i) => shift / attacks[i]!.scale)),
    noise: Math.max(...attacks.map(({ honestGap }, i) => Math.abs(honestGap - gapOf(floatsOf(otherHonest[i]?.[output] as Uint8Array))))),
    leastGap: Math.min(...gaps),
    medianGap: spreadOf(gaps).median,
    steps: bundle.program.steps.map((_, step) => ({
      step,
      medianSlack: spreadOf(attacks.map(({ slack }) => slack[step]!.median / slack[step]!.scale)).median,
      largestSlack: spreadOf(attacks.map(({ slack }) => slack[step]!.largest / slack[step]!.scale)).median,
      rmsSlack: spreadOf(attacks.map(({ slack }) => slack[step]!.largest / slack[step]!.rms)).median,
      reach: spreadOf(attacks.map(({ reach }) => reach[step]!)).median,
    })),
    close,
  };
}

function gapOf(logits: Float32Array): number {
  const [first, second] = Array.from(logits).sort((a, b) => b - a) as [number, number];
  return first - second;
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, largest: sorted.at(-1) ?? Number.NaN };
}
