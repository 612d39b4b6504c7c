import type { RawElement } from "../../../protocol/program/elements.ts";
import { dtypes, NO_DIM, reductionOps, roles, stepKinds, type Access, type Dtype, type Operand, type Step } from "../../../protocol/program/types.ts";
import { accessIndex } from "../../support/referenceStep.ts";
import { typedOf, wrap } from "../../support/typedTensor.ts";
import { softmaxEnds } from "./exactSoftmax.ts";
import { boundOf } from "./exactSum.ts";
import type { Case } from "./randomCase.ts";
import { runExact } from "./runExact.ts";

type Num = number | bigint;

const MAX_FINITE = 3.4028234663852886e38;
const MIN_NORMAL = 2 ** -126;

/**
 * Whether an element is sound by docs/protocol.md §§2 and 5, read naively and reckoned in rationals, with nothing of the judge's in it;
 * undefined where this reference has no opinion: expressions over floats, conversions between floats and integers, and softmax
 * within a few floats of an end.
 */
export function exactVerdict({ step, operands, element }: Case, claimed: RawElement): boolean | undefined {
  const { result } = step;
  // One float among the values puts the expression, even an empty one, into the float domain.
  const mixed = isInteger(result.dtype) && step.operands.some(({ role, dtype }) => role === roles.value && !isInteger(dtype));
  if (mixed && step.kind !== stepKinds.normalisation) return undefined;
  if (![result, ...step.operands].every(({ dtype }) => dtype === dtypes.float32 || isInteger(dtype))) return undefined;
  const o = coordinatesOf(element, result.shape);
  const tensors = step.operands.map(({ dtype }, i) => typedOf(dtype, operands[i] as Uint8Array));
  const read = (i: number, r: readonly number[]): Num | undefined => {
    const { access } = step.operands[i] as Operand;
    return isPresent(access, o, r) ? (tensors[i] as readonly Num[])[accessIndex(access, o, r.slice(0, access.reduceStrides.length))] : undefined;
  };
  const y: Num = isInteger(result.dtype) ? wrap(result.dtype, BigInt(claimed)) : floatOf(Number(claimed));
  const values = step.operands.flatMap(({ role }, i) => (role === roles.value ? [i] : []));
  const taps = allCoordinates(step.reduce);
  const none = step.reduce.map(() => 0);
  switch (step.kind) {
    case stepKinds.contraction:
      if ((step.operands[0] as Operand).dtype !== dtypes.float32) return exactInteger(step, integerDot(step, taps, read, none), () => values.map((i) => read(i, none) as Num), y, true);
      if (step.expression.length > 0 || typeof y === "bigint") return undefined;
      return floatDot(step, taps, read, none)(y);
    case stepKinds.map:
      if (step.expression.length === 0) return values.length === 0 ? undefined : same(read(values[0] as number, none) as Num, y, result.dtype);
      return exactInteger(step, undefined, () => values.map((i) => read(i, none) as Num), y, false);
    case stepKinds.reduction:
      return reduction(step, taps.map((r) => read(0, r)), () => values.map((i) => read(i, none) as Num), y);
    case stepKinds.normalisation:
      if (step.expression.length > 0 || typeof y === "bigint") return undefined;
      return normalised(step.op === 2, taps.flatMap((r) => (read(0, r) as number | undefined) ?? []), read(1, none) as number, y);
    case stepKinds.gather: {
      const [stride, size] = [wordAt(step.attributes, 0), wordAt(step.attributes, 1)];
      const given = read(0, []) as bigint;
      const index = given < 0n ? given + size : given;
      if (index < 0n || index >= size) return true;
      const { access } = step.operands[1] as Operand;
      const core = (tensors[1] as readonly Num[])[accessIndex({ ...access, offset: access.offset + Number(index * stride) }, o)] as Num;
      return moved(step, core, () => values.map((i) => read(i, none) as Num), y);
    }
    default: {
      const found = step.operands.map((_, i) => read(i, [])).find((value) => value !== undefined);
      const { dtype } = step.operands[0] as Operand;
      const constant = () => (step.attributes.length === 0 ? (isInteger(dtype) ? 0n : 0) : (typedOf(dtype, step.attributes)[0] as Num));
      return moved(step, found ?? constant(), () => [], y);
    }
  }
}

function moved(step: Step, core: Num, values: () => readonly Num[], y: Num): boolean | undefined {
  return step.expression.length === 0 ? same(core, y, step.result.dtype) : typeof core === "bigint" ? exactInteger(step, core, values, y, false) : undefined;
}

/** The verdict where no expression changes the value: NaN is NaN, −0 is +0, and a subnormal may be flushed on its way. */
function same(value: Num, y: Num, dtype: Dtype): boolean | undefined {
  if (typeof value === "bigint") return isInteger(dtype) ? wrap(dtype, value) === y : typeof y === "number" && besides(value, y);
  if (typeof y === "bigint") return undefined;
  if (Number.isNaN(value) || Number.isNaN(y)) return Number.isNaN(value) && Number.isNaN(y);
  return within(value, value, y);
}

function within(lo: number, hi: number, y: number): boolean {
  const flushable = lo < MIN_NORMAL && hi > -MIN_NORMAL;
  return (flushable ? Math.min(lo, 0) : lo) <= y && y <= (flushable ? Math.max(hi, 0) : hi);
}

/** Whether y is the float at an integer, or one of the two around it. */
function besides(value: bigint, y: number): boolean {
  if (!Number.isInteger(y)) return false;
  const size = value < 0n ? -value : value;
  const unit = 1n << BigInt(Math.max(0, size.toString(2).length - 24));
  const low = (size / unit) * unit;
  const found = BigInt(Math.abs(y));
  return found === 0n ? size === 0n && y === 0 : Math.sign(y) === (value < 0n ? -1 : 1) && (found === low || (low !== size && found === low + unit)) && BigInt(y) === (value < 0n ? -found : found);
}

/** The verdict of the integer domain; `core` undefined for a map. */
function exactInteger(step: Step, core: bigint | undefined, values: () => readonly Num[], y: Num, accumulated: boolean): boolean | undefined {
  const { dtype } = step.result;
  const wide = accumulated && core !== undefined && BigInt.asIntN(32, core) !== core;
  if (step.expression.length === 0 && core !== undefined) return wide && !isInteger(dtype) ? true : same(core, y, dtype);
  if (wide || !isInteger(dtype)) return undefined;
  const slots = [...(core === undefined ? [] : [core]), ...values()];
  if (!slots.every((slot) => typeof slot === "bigint")) return undefined;
  const outcome = runExact(step.expression, slots);
  if (outcome === undefined) return undefined;
  return outcome === "anything" || wrap(dtype, outcome) === y;
}

function integerDot(step: Step, taps: readonly number[][], read: (i: number, r: readonly number[]) => Num | undefined, none: readonly number[]): bigint {
  const [zeroF, zeroG] = step.attributes.length === 0 ? [0n, 0n] : [wordAt(step.attributes, 0), wordAt(step.attributes, 1)];
  let sum = 0n;
  for (const r of taps) {
    const [f, g] = [read(0, r), read(1, r)] as [bigint | undefined, bigint | undefined];
    if (f !== undefined && g !== undefined) sum += (f - zeroF) * (g - zeroG);
  }
  step.operands.forEach(({ role }, i) => (sum += role === roles.addend ? (read(i, none) as bigint) : 0n));
  return sum;
}

function floatDot(step: Step, taps: readonly number[][], read: (i: number, r: readonly number[]) => Num | undefined, none: readonly number[]): (y: number) => boolean {
  const products: [number, number][] = [];
  for (const r of taps) {
    const [f, g] = [read(0, r), read(1, r)];
    if (f !== undefined && g !== undefined) products.push([f as number, g as number]);
  }
  const addends = step.operands.flatMap(({ role }, i) => (role === roles.addend ? [read(i, none) as number] : []));
  return boundOf(products, addends, products.length + addends.length + 2, 1);
}

function reduction(step: Step, all: readonly (Num | undefined)[], values: () => readonly Num[], y: Num): boolean | undefined {
  const { op } = step;
  const taps = all.filter((tap) => tap !== undefined);
  if (op === reductionOps.argMax || op === reductionOps.argMin) return isIndexOfExtreme(all, op === reductionOps.argMax, step.attributes.length > 0, y as bigint);
  if (isInteger((step.operands[0] as Operand).dtype)) {
    const whole = taps as bigint[];
    if (op === reductionOps.sum) return integerSum(step, whole, values, y);
    if (whole.length === 0) return true;
    return exactInteger(step, whole.reduce((a, b) => ((op === reductionOps.max) === a > b ? a : b)), values, y, false);
  }
  if (step.expression.length > 0 || typeof y === "bigint") return undefined;
  const floats = taps as number[];
  if (op === reductionOps.max || op === reductionOps.min) return isExtreme(floats.map((x) => (op === reductionOps.max ? x : -x)), op === reductionOps.max ? y : -y);
  const count = op === reductionOps.sum ? 1 : op === reductionOps.mean ? floats.length : all.length;
  return count === 0 || boundOf([], floats, floats.length + 4, count)(y);
}

/** Exact where doubles are and the type of the taps has the sum; there kernels that wrap and kernels that saturate agree. */
function integerSum(step: Step, taps: readonly bigint[], values: () => readonly Num[], y: Num): boolean | undefined {
  const sum = taps.reduce((a, b) => a + b, 0n);
  const size = taps.reduce((a, b) => a + (b < 0n ? -b : b), 0n);
  const { dtype } = step.operands[0] as Operand;
  return wrap(dtype, sum) !== sum || size > 2n ** 53n || exactInteger(step, sum, values, y, false);
}

function isExtreme(taps: readonly number[], y: number): boolean {
  const numbers = taps.filter((x) => !Number.isNaN(x));
  const nan = numbers.length < taps.length;
  if (Number.isNaN(y)) return nan;
  const most = Math.max(...numbers);
  if (most === -Infinity) return y === -Infinity || y === -MAX_FINITE;
  return within(nan ? Math.min(...numbers) : most, most, y);
}

function isIndexOfExtreme(all: readonly (Num | undefined)[], isMax: boolean, last: boolean, y: bigint): boolean {
  const found = all.flatMap((tap, place) => (tap === undefined ? [] : [{ tap, place }]));
  if (found.length === 0 || found.some(({ tap }) => Number.isNaN(tap))) return true;
  const best = found.reduce((a, b) => ((isMax ? b.tap > a.tap : b.tap < a.tap) || (last && b.tap === a.tap) || (last && b.tap == a.tap) ? b : a));
  const tiny = (tap: Num) => typeof tap === "number" && Math.abs(tap) < MIN_NORMAL;
  const own = found.find(({ place }) => BigInt(place) === y);
  return BigInt(best.place) === y || (own !== undefined && tiny(own.tap) && tiny(best.tap));
}

function normalised(logarithm: boolean, row: readonly number[], x: number, y: number): boolean | undefined {
  const m = Math.max(...row.filter((item) => !Number.isNaN(item)));
  if (!Number.isFinite(m) || row.some(Number.isNaN) || Number.isNaN(x) || x > m) return logarithm || Number.isNaN(y) || (y >= 0 && y <= 1 + 4 * 2 ** -23);
  if (Number.isNaN(y)) return false;
  if (x === -Infinity) return logarithm ? y === -Infinity || y === -MAX_FINITE : within(0, 3 * 2 ** -126, y);
  const ends = softmaxEnds(row, x, logarithm);
  // Ends are floats, rounded outwards: beyond the largest one that is −∞ below and the largest above.
  const lo = ends.lo < -MAX_FINITE ? -Infinity : ends.lo;
  const hi = Math.max(ends.hi, -MAX_FINITE);
  if (lo <= y && y <= hi) return true;
  const room = (end: number) => (Number.isFinite(end) ? Math.abs(end) * 2 ** -22 + 2 ** -148 : 0);
  return y < lo - room(lo) || y > hi + room(hi) ? false : undefined;
}

function isPresent(access: Access, o: readonly number[], r: readonly number[]): boolean {
  return access.windows.every(({ outDim, reduceDim, stride, dilation, pad, size }) => {
    const place = (outDim === NO_DIM ? 0 : (o[outDim] as number) * stride) + (reduceDim === NO_DIM ? 0 : (r[reduceDim] as number) * dilation) - pad;
    return place >= 0 && place < size;
  });
}

function coordinatesOf(element: number, shape: readonly number[]): number[] {
  const coords = shape.map(() => 0);
  for (let k = shape.length - 1; k >= 0; k--) {
    coords[k] = element % (shape[k] as number);
    element = Math.floor(element / (shape[k] as number));
  }
  return coords;
}

function allCoordinates(sizes: readonly number[]): number[][] {
  return Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, (_, i) => coordinatesOf(i, sizes));
}

function isInteger(dtype: Dtype): boolean {
  return dtype !== dtypes.float32 && dtype !== dtypes.float16 && dtype !== dtypes.bfloat16;
}

function wordAt(bytes: Uint8Array, k: number): bigint {
  return BigInt.asIntN(64, BigInt(`0x${Buffer.from(bytes.subarray(32 * k, 32 * k + 32)).toString("hex")}`));
}

function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0] as number;
}
