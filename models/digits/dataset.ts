import { createRandom } from "./random.ts";
import { synthesizeDigit } from "./synthesize.ts";

/** Seeds of the disjoint image streams. The tests use a seed of their own. */
export const seeds = { weights: 7, training: 20_260_101, heldOut: 41_872_003, samples: 990_017 } as const;

export interface LabelledImage {
  /** 28×28 grey values 0..255, row-major. */
  readonly image: Uint8Array;
  /** The digit that was meant. */
  readonly label: number;
}

/** An endless stream of images; the digits 0 to 9 come in turn, so that every class is met equally often. */
export function* digitStream(seed: number): Generator<LabelledImage, never> {
  const random = createRandom(seed);
  for (let label = 0; ; label = (label + 1) % 10) yield { image: synthesizeDigit(label, random), label };
}
