import { elementReader, elementValue, floatsIn, isFloat } from "../../protocol/program/elements.ts";
import { dtypeBytes, dtypes, type Dtype } from "../../protocol/program/types.ts";

/** Elements of one step whose claimed value differs from the recomputed one, worst first. */
export interface Suspect {
  element: number;
  claimed: number;
  own: number;
}

/** How many elements a step may send to the judge; below it, all that differ are judged. */
export const MAX_SUSPECTS = 4096;

/**
 * Finds the elements in which two tensors of the same type and committed length differ as values.
 *
 * Up to `limit` are returned: those with a non-finite value on one side only, then by absolute difference, and the same number
 * again by difference relative to the element, so that neither large tensors nor small values hide a lie.
 */
export function findSuspects(claimed: Uint8Array, own: Uint8Array, dtype: Dtype, limit = MAX_SUSPECTS): Suspect[] {
  if (Buffer.compare(claimed, own) === 0) return [];
  const differing = differingElements(claimed, own, dtype);
  if (differing.length <= limit) return differing.sort((a, b) => distance(b) - distance(a));
  const byDifference = largest(differing, distance, limit);
  const chosen = new Set(byDifference);
  for (const suspect of largest(differing, relative, limit)) chosen.add(suspect);
  return [...chosen];
}

function differingElements(claimed: Uint8Array, own: Uint8Array, dtype: Dtype): Suspect[] {
  const differing: Suspect[] = [];
  const readClaimed = valueReader(claimed, dtype);
  const readOwn = valueReader(own, dtype);
  const count = claimed.length / dtypeBytes[dtype];
  if (isFloat(dtype)) {
    for (let element = 0; element < count; element++) {
      const a = readClaimed(element);
      const b = readOwn(element);
      // Two NaNs of other bits are the same value, and so are the two zeros.
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) differing.push({ element, claimed: a, own: b });
    }
    return differing;
  }
  // Two int64 beyond 2⁵³ may round to one double.
  const [rawClaimed, rawOwn] = [elementReader(claimed, dtype), elementReader(own, dtype)];
  for (let element = 0; element < count; element++) if (rawClaimed(element) !== rawOwn(element)) differing.push({ element, claimed: readClaimed(element), own: readOwn(element) });
  return differing;
}

/** The `limit` of more elements that measure most, in falling order; those first in the tensor come first of equals. */
function largest(all: readonly Suspect[], measure: (suspect: Suspect) => number, limit: number): Suspect[] {
  const measures = Float64Array.from(all, measure);
  const least = nthLargest(measures.slice(), limit);
  const above = all.filter((_, i) => (measures[i] as number) > least);
  let room = limit - above.length;
  const equal = all.filter((_, i) => measures[i] === least && room-- > 0);
  return [...above.sort((a, b) => measure(b) - measure(a)), ...equal];
}

/** The n-th largest of so many numbers, which are moved about: far cheaper than sorting all of a large tensor (Hoare's selection). */
function nthLargest(numbers: Float64Array, n: number): number {
  let first = 0;
  let last = numbers.length - 1;
  const wanted = n - 1;
  while (first < last) {
    const pivot = numbers[(first + last) >> 1] as number;
    let i = first;
    let j = last;
    while (i <= j) {
      while ((numbers[i] as number) > pivot) i++;
      while ((numbers[j] as number) < pivot) j--;
      if (i > j) break;
      const kept = numbers[i] as number;
      numbers[i++] = numbers[j] as number;
      numbers[j--] = kept;
    }
    if (wanted <= j) last = j;
    else if (wanted >= i) first = i;
    else break;
  }
  return numbers[wanted] as number;
}

function distance({ claimed, own }: Suspect): number {
  const difference = Math.abs(claimed - own);
  return Number.isNaN(difference) ? Infinity : difference;
}

function relative(suspect: Suspect): number {
  const scale = Math.max(Math.abs(suspect.claimed), Math.abs(suspect.own));
  return Number.isFinite(scale) ? distance(suspect) / scale : Infinity;
}

/**
 * How far a tensor is from the recomputed one: the largest difference in units of the tensor's largest own number. 0 if they are equal as values,
 * Infinity where the type has no rounding or a number is not finite on one side only.
 */
export function deviation(claimed: Uint8Array, own: Uint8Array, dtype: Dtype): number {
  if (Buffer.compare(claimed, own) === 0) return 0;
  // Values of integers may round to one double, but bytes that differ are numbers that differ.
  if (!isFloat(dtype)) return Infinity;
  const readClaimed = valueReader(claimed, dtype);
  const readOwn = valueReader(own, dtype);
  const count = own.length / dtypeBytes[dtype];
  let worst = 0;
  let scale = 0;
  for (let element = 0; element < count; element++) {
    const a = readClaimed(element);
    const b = readOwn(element);
    const magnitude = Math.abs(b);
    if (magnitude < Infinity && magnitude > scale) scale = magnitude;
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const difference = Math.abs(a - b);
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  }
  if (worst === 0) return 0;
  return scale === 0 ? Infinity : worst / scale;
}

/** Elements as numbers; those of float32 without a call for each, since every check reads all that is posted. */
function valueReader(bytes: Uint8Array, dtype: Dtype): (element: number) => number {
  if (dtype === dtypes.float32) {
    const floats = floatsIn(bytes);
    return (element) => floats[element] as number;
  }
  const read = elementReader(bytes, dtype);
  return (element) => elementValue(read(element), dtype);
}
