import { operandReader } from "../../../protocol/dispute/stepOperands.ts";
import { floatOf } from "../../../protocol/judge/float32.ts";
import { judgeElement } from "../../../protocol/judge/judgeElement.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { floatsOf, openTrace } from "../openTrace.ts";
import { gradients } from "./gradients.ts";

export interface Attack {
  /** Largest logit of the honest trace minus the second largest, and what the attacker makes of that difference. */
  honestGap: number;
  attackedGap: number;
  /** Largest magnitude of the honest logits. */
  scale: number;
  flipped: boolean;
  trace: Uint8Array[];
  /** For each step, half the width of what is sound: median and largest, and the tensor's largest magnitude. */
  slack: { median: number; largest: number; scale: number; rms: number }[];
  /** For each step, how far the gap moves if this step alone is bent, to first order: Σ |gradient| · half width. */
  reach: number[];
}

/**
 * A cheat that stays inside every bound: at each step, from the operands already bent, it takes for each element the end of the
 * sound interval that helps the runner-up against the winner, by the sign of the gradient of their difference. Elements without
 * influence get the middle. By construction the judge calls each element sound.
 */
export function boundAttack(bundle: Bundle, inputs: readonly Uint8Array[], honest: readonly Uint8Array[]): Attack {
  const { program } = bundle;
  const output = program.header.outputs[0] as number;
  const logits = floatsOf(honest[output] as Uint8Array);
  const [winner, runnerUp] = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]!) as [number, number];
  const seed = new Float64Array(logits.length);
  seed[runnerUp] = 1;
  seed[winner] = -1;
  const slopes = gradients(openTrace(bundle, inputs, honest), output, seed);
  const bent = honest.map((bytes) => bytes.slice());
  const open = openTrace(bundle, inputs, bent);
  const slack: Attack["slack"] = [];
  const reach: number[] = [];
  for (const step of program.steps) {
    const slope = slopes[step.result.index] as Float64Array;
    const values = floatsOf(bent[step.result.index] as Uint8Array);
    const read = operandReader(step, open);
    const halves = new Float64Array(values.length);
    let moved = 0;
    let scale = 0;
    let squares = 0;
    for (let element = 0; element < values.length; element++) {
      const verdict = judgeElement(step, read, element, 0);
      const [lo, hi] = [floatOf(Number(verdict.lo)), floatOf(Number(verdict.hi))];
      const middle = Math.min(hi, Math.max(lo, Math.fround(lo + (hi - lo) / 2)));
      values[element] = slope[element]! > 0 ? hi : slope[element]! < 0 ? lo : middle;
      halves[element] = (hi - lo) / 2;
      moved += Math.abs(slope[element]!) * halves[element]!;
      scale = Math.max(scale, Math.abs(middle));
      squares += middle * middle;
    }
    halves.sort();
    slack.push({ median: halves[halves.length >> 1]!, largest: halves.at(-1)!, scale, rms: Math.sqrt(squares / values.length) });
    reach.push(moved);
  }
  const after = floatsOf(bent[output] as Uint8Array);
  const rest = Math.max(...after.filter((_, i) => i !== winner));
  return {
    honestGap: logits[winner]! - logits[runnerUp]!,
    attackedGap: after[winner]! - after[runnerUp]!,
    scale: logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    flipped: rest > after[winner]!,
    trace: bent,
    slack,
    reach,
  };
}
