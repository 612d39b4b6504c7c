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
  const strides = rowMajorStrides(shape);
  const dims = merged(perm.map((axis) => ({ size: shape[axis]!, stride: strides[axis]! })));
  const source = words(bytes, elementBytes);
  const result = words(new Uint8Array(bytes.length), elementBytes);
  const inner = dims.at(-1)!;
  // Lines along the contiguous axis of the source, and of the target: in squares, so that the lines of both stay in the cache.
  const along = dims.findIndex(({ stride }) => stride === 1);
  const lines = along < 0 || along === dims.length - 1 ? { size: 1, stride: 0 } : dims[along]!;
  const outer = dims.filter((dim) => dim !== inner && dim !== lines);
  const steps = targetSteps(dims);
  const lineStep = lines.stride === 0 ? 0 : steps[along]!;
  const outerSteps = dims.flatMap((dim, k) => (dim === inner || dim === lines ? [] : [steps[k]!]));
  const counter = outer.map(() => 0);
  let [from, to] = [0, 0];
  for (;;) {
    for (let line = 0; line < lines.size; line += SQUARE) {
      const lastLine = Math.min(lines.size, line + SQUARE);
      for (let start = 0; start < inner.size; start += SQUARE) {
        const end = Math.min(inner.size, start + SQUARE);
        for (let l = line; l < lastLine; l++) {
          const target = to + l * lineStep;
          let at = from + l * lines.stride + start * inner.stride;
          for (let k = start; k < end; k++, at += inner.stride) result[target + k] = source[at]!;
        }
      }
    }
    let k = outer.length - 1;
    for (; k >= 0; k--) {
      from += outer[k]!.stride;
      to += outerSteps[k]!;
      if (++counter[k]! < outer[k]!.size) break;
      from -= outer[k]!.stride * outer[k]!.size;
      to -= outerSteps[k]! * outer[k]!.size;
      counter[k] = 0;
    }
    if (k < 0) return new Uint8Array(result.buffer, result.byteOffset, bytes.length);
  }
}

/** Elements of a square that is moved at once. */
const SQUARE = 64;

interface Dim {
  size: number;
  stride: number;
}

/** Neighbouring axes that are neighbours in the source, too, as one; those of size 1 left out. */
function merged(dims: readonly Dim[]): Dim[] {
  const result: Dim[] = [];
  for (const dim of dims) {
    if (dim.size === 1) continue;
    const last = result.at(-1);
    if (last !== undefined && last.stride === dim.stride * dim.size) result[result.length - 1] = { size: last.size * dim.size, stride: dim.stride };
    else result.push(dim);
  }
  return result.length === 0 ? [{ size: 1, stride: 1 }] : result;
}

/** Distance in the target of neighbours along each axis. */
function targetSteps(dims: readonly Dim[]): number[] {
  return rowMajorStrides(dims.map(({ size }) => size));
}

/** Bytes as numbers of one element each, which are moved and never looked at. */
function words(bytes: Uint8Array, elementBytes: number): Uint32Array {
  const aligned = bytes.byteOffset % elementBytes === 0 ? bytes : new Uint8Array(bytes);
  const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[elementBytes];
  if (kind === undefined) throw new RangeError(`elements of ${elementBytes} bytes cannot be moved`);
  // Whichever it is, its elements are only copied.
  return new kind(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / elementBytes) as unknown as Uint32Array;
}
