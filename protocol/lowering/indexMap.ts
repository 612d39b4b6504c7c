import type { Stage } from "../program/types.ts";

/**
 * How a tensor of `shape` is found in another: coordinates c give `offset + Σ c_k·strides_k`; each stage takes that number as a
 * row-major linear index into its shape and maps its coordinates in the same way. The last number is the element.
 */
export interface IndexMap {
  shape: number[];
  offset: number;
  strides: number[];
  stages: Stage[];
}

/** Row-major strides of a shape. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let step = 1;
  for (let k = shape.length - 1; k >= 0; k--) {
    strides[k] = step;
    step *= shape[k]!;
  }
  return strides;
}

/** The map of a row-major tensor onto itself. */
export function identityMap(shape: readonly number[]): IndexMap {
  return { shape: [...shape], offset: 0, strides: rowMajorStrides(shape), stages: [] };
}

/** Axis k of the result is axis `perm[k]` of the argument. */
export function transposeMap(map: IndexMap, perm: readonly number[]): IndexMap {
  return { ...map, shape: perm.map((axis) => map.shape[axis]!), strides: perm.map((axis) => map.strides[axis]!) };
}

/** Along each axis, `sizes[k]` elements from `starts[k]` in steps of `steps[k]`, which may be negative. */
export function sliceMap(map: IndexMap, starts: readonly number[], steps: readonly number[], sizes: readonly number[]): IndexMap {
  return {
    shape: [...sizes],
    offset: map.offset + starts.reduce((sum, start, k) => sum + start * map.strides[k]!, 0),
    strides: map.strides.map((stride, k) => stride * steps[k]!),
    stages: map.stages,
  };
}

/** Broadcasts to `shape` by the rules of ONNX: axes align on the right, and axes of size 1 repeat. */
export function expandMap(map: IndexMap, shape: readonly number[]): IndexMap {
  const lead = shape.length - map.shape.length;
  return {
    ...map,
    shape: [...shape],
    strides: shape.map((size, k) => (k < lead || (map.shape[k - lead] === 1 && size !== 1) ? 0 : map.strides[k - lead]!)),
  };
}

/** The same elements in row-major order under another shape; adds a stage only if one affine map cannot express it. */
export function reshapeMap(map: IndexMap, shape: readonly number[]): IndexMap {
  return mergeStages({
    shape: [...shape],
    offset: 0,
    strides: rowMajorStrides(shape),
    stages: [{ offset: map.offset, shape: [...map.shape], strides: [...map.strides] }, ...map.stages],
  });
}

/** Appends a stage at the end and folds whatever can be folded. */
export function appendStage(map: IndexMap, stage: Stage): IndexMap {
  return mergeStages({ ...map, stages: [...map.stages, stage] });
}

/** Replaces pairs of neighbouring maps by one affine map wherever the composition is affine. */
export function mergeStages(map: IndexMap): IndexMap {
  let first: Stage = { offset: map.offset, shape: map.shape, strides: map.strides };
  const done: Stage[] = [];
  for (const stage of map.stages) {
    const merged = composeAffine(first, stage);
    if (merged !== undefined) first = merged;
    else {
      done.push(first);
      first = stage;
    }
  }
  done.push(first);
  const [head, ...stages] = done;
  return { shape: [...map.shape], offset: head!.offset, strides: [...head!.strides], stages: stages.map(simplifyStage) };
}

/**
 * `then ∘ first` as one affine map over the shape of `first`, or undefined. Each stride is written in the mixed radix of
 * `then.shape`; if no digit can leave its range for any coordinate, no carry ever happens and the map is affine.
 */
export function composeAffine(first: Stage, then: Stage): Stage | undefined {
  const target = simplifyStage(then);
  const radix = rowMajorStrides(target.shape);
  const low = digits(first.offset, target.shape, radix);
  if (low === undefined) return undefined;
  const offset = target.offset + dot(low, target.strides);
  const high = [...low];
  const strides: number[] = [];
  for (let k = 0; k < first.shape.length; k++) {
    const size = first.shape[k]!;
    if (size === 1 || first.strides[k] === 0) {
      strides.push(0);
      continue;
    }
    const digit = digits(first.strides[k]!, target.shape, radix);
    if (digit === undefined) return undefined;
    for (let j = 0; j < digit.length; j++) {
      const reach = digit[j]! * (size - 1);
      if (reach > 0) high[j] = high[j]! + reach;
      else low[j] = low[j]! + reach;
    }
    strides.push(dot(digit, target.strides));
  }
  if (low.some((value) => value < 0) || high.some((value, j) => value >= target.shape[j]!)) return undefined;
  return { offset, shape: [...first.shape], strides };
}

/** Drops axes of size 1 and joins neighbouring axes that are one run, so that fewer carries stand in the way. */
export function simplifyStage(stage: Stage): Stage {
  const shape: number[] = [];
  const strides: number[] = [];
  for (let k = 0; k < stage.shape.length; k++) {
    const size = stage.shape[k]!;
    const stride = stage.strides[k]!;
    if (size === 1) continue;
    const last = shape.length - 1;
    if (last >= 0 && strides[last] === stride * size) {
      shape[last] = shape[last]! * size;
      strides[last] = stride;
    } else {
      shape.push(size);
      strides.push(stride);
    }
  }
  return { offset: stage.offset, shape, strides };
}

/** Element that a map gives for coordinates. */
export function mapIndex(map: IndexMap, coordinates: readonly number[]): number {
  let index = map.offset + dot(coordinates, map.strides);
  for (const stage of map.stages) index = stageIndex(stage, index);
  return index;
}

/** One stage applied to a linear index. */
export function stageIndex(stage: Stage, index: number): number {
  let rest = index;
  let result = stage.offset;
  for (let k = stage.shape.length - 1; k >= 0; k--) {
    const size = stage.shape[k]!;
    result += (rest % size) * stage.strides[k]!;
    rest = Math.floor(rest / size);
  }
  return result;
}

function digits(value: number, shape: readonly number[], radix: readonly number[]): number[] | undefined {
  let rest = Math.abs(value);
  const sign = value < 0 ? -1 : 1;
  const result: number[] = [];
  for (let j = 0; j < shape.length; j++) {
    const digit = Math.floor(rest / radix[j]!);
    if (digit >= shape[j]! && digit !== 0) return undefined;
    result.push(sign * digit || 0);
    rest -= digit * radix[j]!;
  }
  return rest === 0 ? result : undefined;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
