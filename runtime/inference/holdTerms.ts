/** What the inference process is told with a run whose outputs are going to be committed to; two f64. */
export interface HoldTerms {
  /** Where in the spool the outputs go; negative if they go into the answer. */
  place: number;
  /** How busy the daemon is, from 0 to 1. */
  busy: number;
}

export function writeTerms({ place, busy }: HoldTerms): Uint8Array {
  return new Uint8Array(Float64Array.of(place, busy).buffer);
}

export function readTerms(bytes: Uint8Array): HoldTerms {
  const [place, busy] = new Float64Array(bytes.buffer, bytes.byteOffset, 2);
  return { place: place as number, busy: busy as number };
}
