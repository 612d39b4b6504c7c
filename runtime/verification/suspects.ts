import { elementReader, elementValue, isFloat } from "../../protocol/program/elements.ts";
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
  const differing: Suspect[] = [];
  const readClaimed = elementReader(claimed, dtype);
  const readOwn = elementReader(own, dtype);
  const count = claimed.length / dtypeBytes[dtype];
  for (let element = 0; element < count; element++) {
    const left = readClaimed(element);
    const right = readOwn(element);
    if (left === right) continue;
    const a = elementValue(left, dtype);
    const b = elementValue(right, dtype);
    // Two NaNs of other bits are the same value, and so are the two zeros; two int64 beyond 2⁵³ may round to one double.
    if (isFloat(dtype) && (a === b || (Number.isNaN(a) && Number.isNaN(b)))) continue;
    differing.push({ element, claimed: a, own: b });
  }
  const byDifference = differing.sort((a, b) => distance(b) - distance(a));
  if (byDifference.length <= limit) return byDifference;
  const chosen = new Set(byDifference.slice(0, limit));
  for (const suspect of [...byDifference].sort((a, b) => relative(b) - relative(a)).slice(0, limit)) chosen.add(suspect);
  return [...chosen];
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
  if (dtype === dtypes.float32 && bytes.byteOffset % 4 === 0) {
    const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    return (element) => floats[element] as number;
  }
  const read = elementReader(bytes, dtype);
  return (element) => elementValue(read(element), dtype);
}
