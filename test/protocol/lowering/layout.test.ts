import fc from "fast-check";
import { expect, it } from "vitest";
import { rowMajorStrides } from "../../../protocol/lowering/indexMap.ts";
import { permuteBytes } from "../../../protocol/lowering/layout.ts";

/** One element after the other, by its coordinates. */
function plainly(bytes: Uint8Array, size: number, shape: readonly number[], perm: readonly number[]): Uint8Array {
  const strides = rowMajorStrides(shape);
  const sizes = perm.map((axis) => shape[axis]!);
  const steps = rowMajorStrides(sizes);
  const result = new Uint8Array(bytes.length);
  for (let target = 0; target * size < bytes.length; target++) {
    const from = perm.reduce((sum, axis, k) => sum + (Math.floor(target / steps[k]!) % sizes[k]!) * strides[axis]!, 0);
    result.set(bytes.subarray(from * size, (from + 1) * size), target * size);
  }
  return result;
}

it("moves elements of any size into any order of the axes", () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }).chain((shape) => fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })));
  fc.assert(
    fc.property(shapes, fc.constantFrom(1, 2, 4, 8), fc.integer({ min: 0, max: 7 }), ([shape, perm], size, offset) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const bytes = Uint8Array.from({ length: count * size + offset }, (_, i) => (i * 37 + 255) & 255).subarray(offset);
      expect(permuteBytes(bytes, size, shape, perm)).toEqual(plainly(bytes, size, shape, perm));
    }),
  );
});

it("moves matrices larger than a square of the cache", () => {
  const [rows, columns] = [131, 70];
  const bytes = new Uint8Array(Uint32Array.from({ length: rows * columns * 3 }, (_, i) => i * 2654435761).buffer);
  for (const perm of [[0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 2, 0]]) expect(permuteBytes(bytes, 4, [3, rows, columns], perm)).toEqual(plainly(bytes, 4, [3, rows, columns], perm));
});
