import { elementReader, isFloat, type RawElement } from "../program/elements.ts";
import { dtypeBytes, dtypes, normalisationOps, reductionOps, stepKinds, type Dtype, type Step } from "../program/types.ts";
import { attributeWords } from "./attributes.ts";
import { compileStep, type CompiledStep } from "./compileStep.ts";
import { decimalOf } from "./decimalOf.ts";
import { integerOf, isInteger, limitsOf, wrap } from "./elementType.ts";
import { admits, enclosure, ExactSum, type SumBound } from "./exactSum.ts";
import { evaluateExpression } from "./expression.ts";
import { isExactCode } from "./expressionCode.ts";
import { extremeIndex, extremeOf } from "./extreme.ts";
import { bitsOf, floatOf } from "./float32.ts";
import { gatheredAt } from "./gather.ts";
import { evaluateIntegers } from "./integerExpression.ts";
import { all, flushed, integer, point, type Interval } from "./interval.ts";
import { normalised } from "./normalised.ts";
import { presentOperand, type ReadOperand } from "./taps.ts";
import { coordinatesOf, walkRuns } from "./walkRuns.ts";

export type { ReadOperand } from "./taps.ts";

export interface ElementVerdict {
  fraud: boolean;
  /** Float32 bits of the enclosure of sound values; lo > hi as numbers if there is none. */
  lo: number;
  hi: number;
  /** Whether NaN is sound. */
  nan: boolean;
  /** Exact value and bound of a finite contraction core, in decimal. */
  exact?: string;
  bound?: string;
  /** |claimed − exact| / bound for a contraction without an expression; above 1 is fraud. */
  margin?: number;
}

const scratch = new ExactSum();

/** Roundings of a term besides those of the additions: the reciprocal of the count, the product with it, and two more. */
const SUM_EXTRA = 4;

/** Up to this sum of magnitudes doubles are exact, in any order. */
const EXACT_IN_DOUBLES = 2n ** 53n;

/** What a kind computes before the expression: an integer, or sound floats; undefined if a kind has no core. */
type Core = bigint | Interval | undefined;

/** One element under judgement. */
interface Case {
  compiled: CompiledStep;
  read: ReadOperand;
  coords: readonly number[];
  claimed: RawElement;
}

/**
 * Decides one element from the committed operands, as the contracts do but without Merkle work (docs/protocol.md §5).
 * `explain` adds the decimal strings, which cost more than the verdict.
 *
 * Throws the judge's faults for a step it does not support or an index map that leads outside of a tensor.
 */
export function judgeElement(step: Step, read: ReadOperand, element: number, claimed: RawElement, explain = false): ElementVerdict {
  const compiled = compileStep(step);
  const item: Case = { compiled, read, coords: coordinatesOf(compiled, element), claimed };
  switch (step.kind) {
    case stepKinds.contraction:
      return compiled.ofFloats ? concludeSum(item, sumOf(item).bound(), explain) : conclude(item, integerContraction(item));
    case stepKinds.reduction:
      return judgeReduction(item, explain);
    case stepKinds.normalisation:
      return conclude(item, normalised(compiled, read, item.coords, step.op === normalisationOps.softmax));
    case stepKinds.gather: {
      const at = gatheredAt(compiled, item.coords, read);
      return at === undefined ? verdictOf(item, all) : conclude(item, coreOf(item, 1, at));
    }
    case stepKinds.movement:
      return conclude(item, movedElement(item));
    default:
      return conclude(item, undefined);
  }
}

function judgeReduction(item: Case, explain: boolean): ElementVerdict {
  const { compiled, read, coords } = item;
  const { op } = compiled.step;
  if (op === reductionOps.argMax || op === reductionOps.argMin) {
    const index = extremeIndex(compiled, read, coords, BigInt(item.claimed));
    return index === undefined ? verdictOf(item, all) : verdictOfInteger(item, index);
  }
  if (op === reductionOps.max || op === reductionOps.min) {
    const extreme = extremeOf(compiled, read, coords);
    return extreme === undefined ? verdictOf(item, all) : conclude(item, extreme);
  }
  if (!compiled.ofFloats) {
    const whole = integerSum(item);
    return whole === undefined ? verdictOf(item, all) : conclude(item, whole);
  }
  const sum = scratch;
  sum.clear();
  forTaps(item, (bits) => sum.addFloat(Number(bits)));
  const count = op === reductionOps.sum ? 1 : op === reductionOps.mean ? sum.terms : compiled.taps;
  // 0/0.
  if (count === 0) return conclude(item, all);
  return concludeSum(item, sum.boundOfMean(SUM_EXTRA, count), explain);
}

/** Calls back with each present tap of the first operand, and counts them in `scratch.terms`. */
function forTaps({ compiled, read, coords }: Case, take: (raw: RawElement) => void): void {
  const map = compiled.maps[0] as CompiledStep["maps"][number];
  walkRuns(compiled, coords, (first, _, count) => {
    for (let k = 0; k < count; k++) take(read(0, map.resolve(first + k * map.stride)));
    scratch.terms += count;
  });
}

/** The exact sum; undefined beyond what kernels that wrap and kernels that sum doubles and saturate do alike. */
function integerSum(item: Case): bigint | undefined {
  const { dtype } = item.compiled.step.operands[0] as Step["operands"][number];
  let sum = 0n;
  let magnitude = 0n;
  forTaps(item, (raw) => {
    const tap = integerOf(raw, dtype);
    sum += tap;
    magnitude += tap < 0n ? -tap : tap;
  });
  const [least, greatest] = limitsOf(dtype);
  return sum < least || sum > greatest || magnitude > EXACT_IN_DOUBLES ? undefined : sum;
}

/** Σ (f − zeroF)·(g − zeroG) + Σ addends, exact; every value if it is more than kernels accumulate before they convert. */
function integerContraction({ compiled, read, coords }: Case): Core {
  const { step } = compiled;
  const [f, g] = compiled.maps as [CompiledStep["maps"][number], CompiledStep["maps"][number]];
  const [typeF, typeG] = step.operands.map(({ dtype }) => dtype) as [Dtype, Dtype];
  const [zeroF = 0n, zeroG = 0n] = attributeWords(step.attributes);
  const small = isByte(typeF) && isByte(typeG) && isSmall(zeroF) && isSmall(zeroG);
  const [smallF, smallG] = [Number(zeroF), Number(zeroG)];
  // Below 2^22 products of less than 2^26 stay exact in a double.
  let doubles = 0;
  let sum = 0n;
  walkRuns(compiled, coords, (first, second, count) => {
    for (let k = 0; k < count; k++) {
      const x = read(0, f.resolve(first + k * f.stride));
      const y = read(1, g.resolve(second + k * g.stride));
      if (small) doubles += (Number(x) - smallF) * (Number(y) - smallG);
      else sum += (integerOf(x, typeF) - zeroF) * (integerOf(y, typeG) - zeroG);
    }
  });
  sum += BigInt(doubles);
  for (let i = compiled.factors; i < compiled.firstValue; i++) sum += integerOf(readAt(compiled, read, coords, i), (step.operands[i] as Step["operands"][number]).dtype);
  if ((step.expression.length > 0 || isFloat(step.result.dtype)) && BigInt.asIntN(32, sum) !== sum) return all;
  return sum;
}

function isByte(dtype: Dtype): boolean {
  return dtype === dtypes.uint8 || dtype === dtypes.int8;
}

function isSmall(zero: bigint): boolean {
  return zero > -4096n && zero < 4096n;
}

/** The element of the one operand that has it, or else the constant of the attributes. */
function movedElement(item: Case): Core {
  const { compiled, coords } = item;
  const { attributes, operands } = compiled.step;
  const only = presentOperand(compiled, coords);
  const map = compiled.maps[only];
  if (map !== undefined) return coreOf(item, only, map.linear(coords, []));
  const { dtype } = operands[0] as Step["operands"][number];
  const constant = new Uint8Array(dtypeBytes[dtype]);
  constant.set(attributes);
  const raw = elementReader(constant, dtype)(0);
  return isInteger(dtype) ? integerOf(raw, dtype) : point(Number(raw));
}

/** The element of an operand that a linear index leads to. */
function coreOf({ compiled, read }: Case, operand: number, linear: number): Core {
  const raw = read(operand, (compiled.maps[operand] as CompiledStep["maps"][number]).resolve(linear));
  const { dtype } = compiled.step.operands[operand] as Step["operands"][number];
  return isInteger(dtype) ? integerOf(raw, dtype) : point(Number(raw));
}

/** The verdict if the result is the step's expression of `core` and the operands that are values. */
function conclude(item: Case, core: Core): ElementVerdict {
  const { compiled, read, coords } = item;
  const { step } = compiled;
  const values = step.kind === stepKinds.movement ? [] : step.operands.slice(compiled.firstValue);
  const raws = values.map((_, i) => readAt(compiled, read, coords, compiled.firstValue + i));
  if (isExact(step, core, values)) {
    const exact = raws.map((raw, i) => integerOf(raw, (values[i] as (typeof values)[number]).dtype));
    const value = evaluateIntegers(step.expression, typeof core === "bigint" ? [core, ...exact] : exact);
    return value === undefined ? verdictOf(item, all) : verdictOfInteger(item, value);
  }
  const slots = raws.map((raw, i) => intervalOf(raw, (values[i] as (typeof values)[number]).dtype));
  if (core !== undefined) slots.unshift(typeof core === "bigint" ? integer(core) : flushed(core));
  return verdictOf(item, evaluateExpression(step.expression, slots));
}

/** The integer domain: integers in, integers out, and nothing in between that is not exact. */
function isExact(step: Step, core: Core, values: Step["operands"]): boolean {
  if (!isInteger(step.result.dtype) || typeof core === "object") return false;
  return values.every(({ dtype }) => isInteger(dtype)) && isExactCode(step.expression);
}

/** The verdict if the result is the step's expression of a sum with this bound; without one the bound is exact. */
function concludeSum(item: Case, bound: SumBound, explain: boolean): ElementVerdict {
  const { compiled, read, coords } = item;
  const { step } = compiled;
  let verdict: ElementVerdict;
  if (step.expression.length > 0 || !isFloat(step.result.dtype)) {
    verdict = conclude(item, enclosure(bound, true));
  } else {
    // Values without an expression have no say, but are opened and so must be in range.
    for (let i = compiled.firstValue; i < compiled.maps.length; i++) readAt(compiled, read, coords, i);
    const claimed = Number(item.claimed) >>> 0;
    // An infinity beside finite values leaves a gap that the enclosure does not show.
    verdict = { ...verdictOf(item, enclosure(bound, false)), fraud: !admits(bound, claimed) };
    const margin = marginOf(bound, floatOf(claimed));
    if (margin !== undefined) verdict.margin = margin;
  }
  if (explain && bound.finite) {
    verdict.exact = decimalOf(bound.exact, bound.count, 300);
    verdict.bound = decimalOf(bound.radius, bound.radiusScale * bound.count, 300);
  }
  return verdict;
}

/** The exact sum of a contraction's products and addends. */
function sumOf({ compiled, read, coords }: Case): ExactSum {
  const sum = scratch;
  sum.clear();
  const f = compiled.maps[0] as CompiledStep["maps"][number];
  const g = compiled.maps[1] as CompiledStep["maps"][number];
  walkRuns(compiled, coords, (first, second, count) => {
    for (let k = 0; k < count; k++) {
      sum.addProduct(Number(read(0, f.resolve(first + k * f.stride))), Number(read(1, g.resolve(second + k * g.stride))));
    }
    sum.terms += count;
  });
  for (let i = compiled.factors; i < compiled.firstValue; i++) {
    sum.addFloat(Number(readAt(compiled, read, coords, i)));
    sum.terms++;
  }
  return sum;
}

function intervalOf(raw: RawElement, dtype: Dtype): Interval {
  return isInteger(dtype) ? integer(integerOf(raw, dtype)) : point(Number(raw));
}

function readAt(compiled: CompiledStep, read: ReadOperand, coords: readonly number[], operand: number): RawElement {
  const map = compiled.maps[operand] as CompiledStep["maps"][number];
  return read(operand, map.resolve(map.linear(coords, [])));
}

/**
 * The verdict if the sound values are those of `x`. An integer result that a kernel converts from a float outside of its type's range,
 * or from NaN, may be anything.
 */
function verdictOf({ compiled, claimed }: Case, x: Interval): ElementVerdict {
  const { dtype } = compiled.step.result;
  let sound: boolean;
  if (isInteger(dtype)) {
    const [least, greatest] = limitsOf(dtype);
    const value = integer(integerOf(claimed, dtype));
    const outside = x.lo <= x.hi && (x.lo < integer(least).lo || x.hi > integer(greatest).lo);
    sound = x.nan || outside || (x.lo <= value.lo && value.hi <= x.hi);
  } else {
    const value = floatOf(Number(claimed) >>> 0);
    sound = Number.isNaN(value) ? x.nan : x.lo <= value && value <= x.hi;
  }
  return { fraud: !sound, lo: bitsOf(x.lo), hi: bitsOf(x.hi), nan: x.nan };
}

/** The verdict if the only sound value is what the result's type keeps of `exact`. */
function verdictOfInteger({ compiled, claimed }: Case, exact: bigint): ElementVerdict {
  const { dtype } = compiled.step.result;
  const value = wrap(exact, dtype);
  const { lo, hi } = integer(value);
  return { fraud: value !== integerOf(claimed, dtype), lo: bitsOf(lo), hi: bitsOf(hi), nan: false };
}

/** |claimed − exact| / bound as a double; all in units of 2^−300 · 2^−40, so that small ratios keep some digits. */
function marginOf(bound: SumBound, claimed: number): number | undefined {
  if (!bound.finite || !Number.isFinite(claimed)) return undefined;
  const value = scaledFloat(claimed);
  const offset = value * bound.count - bound.exact;
  const distance = (offset < 0n ? -offset : offset) * bound.radiusScale;
  return Number((distance << 40n) / bound.radius) / 2 ** 40;
}

/** A float32 in units of 2^−300. */
function scaledFloat(value: number): bigint {
  // 2^149 makes any float32 an integer and keeps it well inside a double.
  return BigInt(value * 2 ** 149) << 151n;
}
