import { rowMajorStrides } from "./indexMap.ts";
import type { View } from "./draft.ts";

/** The commit order that keeps the graph's axis order. */
export function identityPerm(rank: number): number[] {
  return Array.from({ length: rank }, (_, k) => k);
}

/** Whether a permutation moves no axis. */
export function isIdentityPerm(perm: readonly number[]): boolean {
  return perm.every((axis, k) => axis === k);
}

/** `inverse[perm[k]] = k`. */
export function invertPerm(perm: readonly number[]): number[] {
  const inverse = new Array<number>(perm.length).fill(0);
  perm.forEach((axis, k) => (inverse[axis] = k));
  return inverse;
}

/** Stride in the committed bytes, in elements, of each axis of the graph's shape. */
export function commitStrides(shape: readonly number[], perm: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  const inOrder = rowMajorStrides(perm.map((axis) => shape[axis]!));
  perm.forEach((axis, k) => (strides[axis] = inOrder[k]!));
  return strides;
}

/**
 * The commit order of the base under which a view, read with its axes in `order` (outermost first), is as contiguous as one
 * permutation can make it; undefined if the view is not one affine map.
 */
export function permForReader(view: View, order: readonly number[]): number[] | undefined {
  if (view.map.stages.length > 0) return undefined;
  const base = rowMajorStrides(view.baseShape);
  const places = view.baseShape.map((size, axis) => {
    let place = -1;
    order.forEach((dim, k) => {
      const stride = Math.abs(view.map.strides[dim]!);
      const touches = stride < base[axis]! * size && stride * view.map.shape[dim]! > base[axis]!;
      if (stride > 0 && view.map.shape[dim]! > 1 && touches) place = k;
    });
    return place;
  });
  const perm = identityPerm(view.baseShape.length).sort((a, b) => places[a]! - places[b]! || a - b);
  // Axes of size 1 move nothing: an order that differs only in them is the graph's own.
  const long = perm.filter((axis) => view.baseShape[axis]! > 1);
  return long.every((axis, k) => k === 0 || axis > long[k - 1]!) ? identityPerm(perm.length) : perm;
}

/** Elements of a row-major tensor, rearranged into commit order. */
export function permuteBytes(bytes: Uint8Array, elementBytes: number, shape: readonly number[], perm: readonly number[]): Uint8Array {
  if (isIdentityPerm(perm)) return bytes;
  const result = new Uint8Array(bytes.length);
  const strides = rowMajorStrides(shape);
  const sizes = perm.map((axis) => shape[axis]!);
  const steps = perm.map((axis) => strides[axis]! * elementBytes);
  const counter = new Array<number>(sizes.length).fill(0);
  let source = 0;
  for (let target = 0; target < bytes.length; target += elementBytes) {
    for (let b = 0; b < elementBytes; b++) result[target + b] = bytes[source + b]!;
    for (let k = sizes.length - 1; k >= 0; k--) {
      source += steps[k]!;
      if (++counter[k]! < sizes[k]!) break;
      source -= steps[k]! * sizes[k]!;
      counter[k] = 0;
    }
  }
  return result;
}
