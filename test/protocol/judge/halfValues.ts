import { dtypes } from "../../../protocol/program/types.ts";

/** An independent reading of the half types: all finite magnitudes in ascending order, by the definition of the formats. */
export const magnitudes: Readonly<Record<number, readonly number[]>> = {
  [dtypes.float16]: listed(5, 10, -14),
  [dtypes.bfloat16]: listed(8, 7, -126),
};

export const leastNormal: Readonly<Record<number, number>> = { [dtypes.float16]: 2 ** -14, [dtypes.bfloat16]: 2 ** -126 };

function listed(exponentBits: number, fractionBits: number, least: number): number[] {
  const steps = 2 ** fractionBits;
  const found = Array.from({ length: steps }, (_, k) => (k / steps) * 2 ** least);
  for (let e = 0; e < 2 ** exponentBits - 2; e++) for (let k = 0; k < steps; k++) found.push((1 + k / steps) * 2 ** (least + e));
  return found;
}

/** The largest of the type's magnitudes that is not above, by bisection. */
export function floorOf(magnitude: number, dtype: number): number {
  const list = magnitudes[dtype]!;
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (list[middle]! <= magnitude) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What machines make of a value that they convert to a half type: nearest, towards zero, saturated; and the same with subnormals flushed. */
export function roundings(value: number, dtype: number): number[] {
  if (Number.isNaN(value)) return [value];
  const list = magnitudes[dtype]!;
  const sign = value < 0 ? -1 : 1;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return [value];
  const at = floorOf(magnitude, dtype);
  const [below, step] = [list[at]!, list[at]! - (list[at - 1] ?? 0)];
  const above = list[at + 1] ?? Infinity;
  const half = above === Infinity ? below + step / 2 : (below + above) / 2;
  const nearest = magnitude < half || (magnitude === half && at % 2 === 0) ? below : above;
  const found = [sign * nearest, sign * below];
  return magnitude < leastNormal[dtype]! ? [...found, 0] : found;
}
