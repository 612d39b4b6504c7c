/** Elements of one step whose claimed value differs from the recomputed one, worst first. */
export interface Suspect {
  element: number;
  claimed: number;
  own: number;
}

/** How many elements a step may send to the judge; below it, all that differ are judged. */
export const MAX_SUSPECTS = 4096;

/**
 * Finds the float32 elements in which two tensors of the same committed length differ as values.
 *
 * Up to `limit` are returned: those with a non-finite value on one side only, then by absolute difference, and the same number
 * again by difference relative to the element, so that neither large tensors nor small values hide a lie.
 */
export function findSuspects(claimed: Uint8Array, own: Uint8Array, limit = MAX_SUSPECTS): Suspect[] {
  const left = floats(claimed);
  const right = floats(own);
  const differing: Suspect[] = [];
  for (let element = 0; element < left.length; element++) {
    const a = left[element] as number;
    const b = right[element] as number;
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
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

function floats(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
