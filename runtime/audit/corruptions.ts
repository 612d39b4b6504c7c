import type { Dtype, Verdict } from "../../protocol/program/types.ts";
import { elementType } from "./elementTypes.ts";

/** The ways in which an audit falsifies an element. */
export const corruptionNames = ["above", "below", "sign", "nan", "neighbour"] as const;
export type CorruptionName = (typeof corruptionNames)[number];

export interface Corruption {
  name: CorruptionName;
  /** Bits of the false value. */
  bits: bigint;
}

export interface HonestElement {
  dtype: Dtype;
  /** Bits of the claimed element. */
  bits: bigint;
  /** Bits of another element of the tensor next to it; undefined in a tensor of one. */
  neighbour: bigint | undefined;
  /** What the judge says about the claimed element. */
  verdict: Pick<Verdict, "lo" | "hi" | "nan">;
  /** What the judge would say about other bits; asked only where the verdict's ends do not tell. */
  isFraud(bits: bigint): boolean;
}

/**
 * False values for one element, each beyond what is sound: the next value above and below, the other sign, NaN, a neighbour's value.
 * A way that leads to a sound value (such as a neighbour that is close enough) is left out.
 */
export function corruptionsOf({ dtype, bits, neighbour, verdict, isFraud }: HonestElement): Corruption[] {
  const type = elementType(dtype);
  const ends = type.enclosure(verdict);
  const isFalse = (candidate: bigint): boolean => {
    if (ends === undefined) return isFraud(candidate);
    const place = type.order(candidate);
    return place === undefined ? !verdict.nan : place < ends.lo || place > ends.hi;
  };
  const corruptions: Corruption[] = [];
  const add = (name: CorruptionName, candidate: bigint | undefined): void => {
    if (candidate !== undefined && isFalse(candidate)) corruptions.push({ name, bits: candidate });
  };
  if (ends === undefined) {
    add("above", searched(1n));
    add("below", searched(-1n));
  } else if (ends.lo > ends.hi) {
    // Only NaN is sound, so every number is false.
    add("above", type.at(type.greatest / 2n));
    add("below", type.at(type.least / 2n));
  } else {
    if (ends.hi < type.greatest) add("above", type.at(ends.hi + 1n));
    if (ends.lo > type.least) add("below", type.at(ends.lo - 1n));
  }
  add("sign", type.negated(bits));
  add("nan", type.nan);
  if (neighbour !== bits) add("neighbour", neighbour);
  return corruptions;

  /** The first value that the judge does not accept at a distance of 1, 2, 4, … in the direction given. */
  function searched(direction: bigint): bigint | undefined {
    const from = type.order(bits) as bigint;
    for (let distance = direction; ; distance *= 2n) {
      const place = from + distance;
      if (place < type.least || place > type.greatest) return undefined;
      if (isFraud(type.at(place))) return type.at(place);
    }
  }
}
