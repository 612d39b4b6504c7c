import { imageFamilies } from "./images.ts";
import { sequenceFamilies } from "./sequences.ts";
import { tableFamilies } from "./tables.ts";

/** A model like those that a kind of exporter or network leaves, with seeded weights. */
export interface Family {
  name: string;
  build: () => Uint8Array;
  /** Shapes of inputs that the model leaves open. */
  shapes?: Readonly<Record<string, readonly number[]>>;
  /** How far the compiled model may lie from the plain one, relative to an output's largest element, where 1e-4 is too near: a quantised output moves in steps. */
  near?: number;
}

export const families: readonly Family[] = [...imageFamilies, ...sequenceFamilies, ...tableFamilies];
