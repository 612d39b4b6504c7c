import { NO_DIM, type Access, type Stage, type Window } from "../program/types.ts";
import { judgeError } from "./judgeError.ts";

/** An index map made ready for many elements (docs/protocol.md §2). */
export class IndexMap {
  readonly staged: boolean;
  /** Step of the linear index along the last reduction dimension. */
  readonly stride: number;
  private readonly outStrides: readonly number[];
  private readonly reduceStrides: readonly number[];
  private readonly offset: number;
  private readonly windows: readonly Window[];
  private readonly stages: readonly Stage[];
  private readonly elements: number;
  private readonly last: number;

  /** Throws `STRIDES_LENGTH`, `WINDOW_DIMENSION` or `STAGE_SHAPE` if the map does not fit the ranks. */
  constructor(access: Access, elements: number, outRank: number, reduceRank: number) {
    expectLength(access.outStrides.length, outRank);
    expectLength(access.reduceStrides.length, reduceRank);
    for (const window of access.windows) {
      if (window.outDim !== NO_DIM && window.outDim >= outRank) throw windowError(window.outDim);
      if (window.reduceDim !== NO_DIM && window.reduceDim >= reduceRank) throw windowError(window.reduceDim);
    }
    this.outStrides = access.outStrides;
    this.reduceStrides = access.reduceStrides;
    this.offset = access.offset;
    this.windows = access.windows;
    this.stages = access.stages;
    this.elements = elements;
    this.staged = access.stages.length > 0;
    this.last = reduceRank - 1;
    this.stride = reduceRank === 0 ? 0 : (access.reduceStrides[reduceRank - 1] as number);
  }

  /** Whether the windows, none of which runs over the reduction, let the operand exist here. */
  isPresent(coords: ArrayLike<number>): boolean {
    return this.windows.every(({ outDim, stride, pad, size }) => {
      const c = (outDim === NO_DIM ? 0 : (coords[outDim] as number) * stride) - pad;
      return c >= 0 && c < size;
    });
  }

  /** Linear index at output coordinates and reduction coordinates, before the stages. */
  linear(coords: ArrayLike<number>, r: ArrayLike<number>): number {
    let index = this.offset;
    for (let k = 0; k < this.outStrides.length; k++) index += (coords[k] as number) * (this.outStrides[k] as number);
    for (let k = 0; k < r.length; k++) index += (r[k] as number) * (this.reduceStrides[k] as number);
    return index;
  }

  /** Narrows [run.from, run.to), positions of the last reduction dimension, to where taps exist; the last of r is 0. */
  clip(coords: ArrayLike<number>, r: ArrayLike<number>, run: { from: number; to: number }): void {
    for (const window of this.windows) {
      let c = -window.pad;
      if (window.outDim !== NO_DIM) c += (coords[window.outDim] as number) * window.stride;
      if (window.reduceDim !== NO_DIM) c += (r[window.reduceDim] as number) * window.dilation;
      let step = window.reduceDim === this.last ? window.dilation : 0;
      if (step === 0) {
        if (c < 0 || c >= window.size) {
          run.from = run.to = 0;
          return;
        }
        continue;
      }
      // c + k·step lies in [0, size); mirrored if the step is negative.
      if (step < 0) {
        c = window.size - 1 - c;
        step = -step;
      }
      run.from = Math.max(run.from, -Math.floor(c / step));
      run.to = Math.min(run.to, Math.floor((window.size - 1 - c) / step) + 1);
    }
  }

  /** The committed element that a linear index leads to; throws `ELEMENT_OUT_OF_RANGE` if there is none. */
  resolve(linear: number): number {
    let index = linear;
    for (const stage of this.stages) index = through(stage, index);
    if (!(Number.isSafeInteger(index) && index >= 0 && index < this.elements)) throw rangeError(index, this.elements);
    return index;
  }
}

/** Output coordinates of element e of a row-major shape. */
export function coordinates(shape: readonly number[], element: number): number[] {
  const coords = new Array<number>(shape.length);
  let rest = element;
  for (let k = shape.length - 1; k >= 0; k--) {
    const size = shape[k] as number;
    coords[k] = rest % size;
    rest = Math.floor(rest / size);
  }
  return coords;
}

function through(stage: Stage, index: number): number {
  if (stage.shape.length !== stage.strides.length) throw judgeError("StageShape", "A stage's strides do not fit its shape.");
  if (!Number.isSafeInteger(index) || index < 0) throw rangeError(index, 0);
  let rest = index;
  let next = stage.offset;
  for (let k = stage.shape.length - 1; k >= 0; k--) {
    const size = stage.shape[k] as number;
    if (size === 0) throw rangeError(index, 0);
    next += (rest % size) * (stage.strides[k] as number);
    rest = Math.floor(rest / size);
  }
  if (rest !== 0) throw rangeError(index, 0);
  return next;
}

function expectLength(given: number, expected: number): void {
  if (given !== expected) throw judgeError("StridesLength", "An operand's strides do not fit the step's dimensions.", { expected, given });
}

function windowError(dim: number) {
  return judgeError("WindowDimension", "A window names a dimension that the step does not have.", { dim });
}

function rangeError(element: number, elements: number) {
  return judgeError("ElementOutOfRange", "An index map leads outside of its tensor.", { element, elements });
}
