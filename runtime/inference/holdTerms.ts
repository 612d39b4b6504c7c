/** What the inference process is told with a run whose outputs are going to be committed to; three f64. */
export interface HoldTerms {
  /** Where in the spool the outputs go; negative if they go into the answer. */
  place: number;
  /** Whether that is memory of both processes. */
  mapped: boolean;
  /** How busy the daemon is; see `Busyness`. */
  busy: number;
}

export function writeTerms({ place, mapped, busy }: HoldTerms): Uint8Array {
  return new Uint8Array(Float64Array.of(place, Number(mapped), busy).buffer);
}

export function readTerms(bytes: Uint8Array): HoldTerms {
  const [place, mapped, busy] = new Float64Array(bytes.buffer, bytes.byteOffset, 3);
  return { place: place as number, mapped: mapped === 1, busy: busy as number };
}
