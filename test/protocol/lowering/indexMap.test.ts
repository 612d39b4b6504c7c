import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appendStage, expandMap, identityMap, mapIndex, reshapeMap, sliceMap, transposeMap, type IndexMap } from "../../../protocol/lowering/indexMap.ts";
import { commitStrides, invertPerm, permuteBytes } from "../../../protocol/lowering/layout.ts";
import { allCoordinates } from "../../support/referenceStep.ts";

/** A tensor as a list of elements, on which views are taken by copying. */
interface Copied {
  shape: number[];
  data: number[];
}

interface Pair {
  map: IndexMap;
  copy: Copied;
}

const product = (shape: readonly number[]): number => shape.reduce((total, size) => total * size, 1);

function copyOf(map: IndexMap): Copied {
  return { shape: map.shape, data: allCoordinates(map.shape).map((c) => mapIndex(map, c)) };
}

function gather(copy: Copied, shape: number[], from: (c: number[]) => number[]): Copied {
  const at = (c: number[]): number => copy.data[c.reduce((sum, value, k) => sum * copy.shape[k]! + value, 0)]!;
  return { shape, data: allCoordinates(shape).map((c) => at(from(c))) };
}

/** Every way to write `count` as a product of up to three sizes. */
function shapesOf(count: number): number[][] {
  const shapes: number[][] = [[count]];
  for (let a = 1; a <= count; a++) {
    if (count % a !== 0) continue;
    shapes.push([a, count / a]);
    for (let b = 1; b <= count / a; b++) if ((count / a) % b === 0) shapes.push([a, b, count / a / b]);
  }
  return shapes;
}

function step({ map, copy }: Pair, kind: number, choice: number): Pair {
  const rank = map.shape.length;
  if (kind === 0) {
    const shapes = shapesOf(product(map.shape));
    const shape = shapes[choice % shapes.length]!;
    return { map: reshapeMap(map, shape), copy: { shape, data: copy.data } };
  }
  if (kind === 1) {
    const perm = map.shape.map((_, k) => (k + choice) % rank);
    return { map: transposeMap(map, perm), copy: gather(copy, perm.map((axis) => copy.shape[axis]!), (c) => invertPerm(perm).map((k) => c[k]!)) };
  }
  if (kind === 2) {
    const axis = choice % rank;
    const size = map.shape[axis]!;
    const reverse = choice % 2 === 1;
    const start = reverse ? size - 1 : Math.min(1, size - 1);
    const stride = reverse ? -2 : 1;
    const kept = reverse ? Math.ceil(size / 2) : size - start;
    const sizes = map.shape.map((dim, k) => (k === axis ? kept : dim));
    const starts = map.shape.map((_, k) => (k === axis ? start : 0));
    const steps = map.shape.map((_, k) => (k === axis ? stride : 1));
    return { map: sliceMap(map, starts, steps, sizes), copy: gather(copy, sizes, (c) => c.map((value, k) => starts[k]! + value * steps[k]!)) };
  }
  if (product(map.shape) > 64) return { map, copy };
  const shape = [2, ...map.shape.map((size) => (size === 1 ? 2 : size))];
  return { map: expandMap(map, shape), copy: gather(copy, shape, (c) => c.slice(1).map((value, k) => (copy.shape[k] === 1 ? 0 : value))) };
}

describe("index maps", () => {
  it("compose to what copying at every step gives", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(20)), { maxLength: 6 }), (shape, steps) => {
        let pair: Pair = { map: identityMap(shape), copy: copyOf(identityMap(shape)) };
        for (const [kind, choice] of steps) pair = step(pair, kind, choice);
        expect(copyOf(pair.map)).toEqual(pair.copy);
      }),
      { numRuns: 500 },
    );
  });

  it("agree with bytes in another commit order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), fc.nat(3), (shape, turn) => {
        const perm = shape.map((_, k) => (k + turn) % shape.length);
        const bytes = Uint8Array.from({ length: product(shape) }, (_, k) => k);
        const committed = permuteBytes(bytes, 1, shape, perm);
        const map = appendStage(identityMap(shape), { offset: 0, shape, strides: commitStrides(shape, perm) });
        expect(map.stages).toEqual([]);
        expect(allCoordinates(shape).map((c) => committed[mapIndex(map, c)])).toEqual([...bytes]);
        expect(permuteBytes(committed, 1, perm.map((axis) => shape[axis]!), invertPerm(perm))).toEqual(bytes);
      }),
    );
  });

  it("need no stage for what one affine map can say", () => {
    const image = identityMap([1, 6, 4, 4]);
    expect(reshapeMap(image, [96]).stages).toEqual([]);
    expect(reshapeMap(reshapeMap(image, [1, 2, 3, 16]), [6, 16]).stages).toEqual([]);
    expect(transposeMap(reshapeMap(image, [2, 3, 16]), [1, 0, 2]).stages).toEqual([]);
    expect(reshapeMap(transposeMap(image, [0, 2, 3, 1]), [16, 6]).stages).toEqual([]);
  });

  it("keep a stage for what is not affine", () => {
    expect(reshapeMap(transposeMap(identityMap([2, 3]), [1, 0]), [6]).stages).toHaveLength(1);
  });
});
