import { dtypes, profiles, reductionOps, roles, sources, stepKinds, type Operand, type Step } from "../program/types.ts";
import { IndexMap } from "./access.ts";
import { judgeError } from "./judgeError.ts";

const MAX_TAPS = 2 ** 22;

/** A step that the judge can decide, checked, with its index maps made ready. */
export interface CompiledStep {
  readonly step: Step;
  /** Elements of the result. */
  readonly elements: number;
  /** Points of the reduction domain. */
  readonly taps: number;
  readonly maps: readonly IndexMap[];
  /** How many operands are reduced (2, 0 or 1 by kind); addends follow up to `firstValue`, then values. */
  readonly factors: number;
  readonly firstValue: number;
}

const cache = new WeakMap<Step, CompiledStep>();

/** Checks a descriptor as the contracts do; throws the fault's code, such as `UNSUPPORTED_TYPE`. Cached by identity. */
export function compileStep(step: Step): CompiledStep {
  let compiled = cache.get(step);
  if (compiled === undefined) {
    compiled = compile(step);
    cache.set(step, compiled);
  }
  return compiled;
}

function compile(step: Step): CompiledStep {
  if (step.version !== 1) throw judgeError("UnsupportedVersion", "The step has a version that this judge does not know.", { version: step.version });
  const factors = factorsOf(step);
  if (step.profile !== profiles.fp32) throw judgeError("UnsupportedProfile", "The step has a numeric profile that this judge does not know.", { profile: step.profile });
  if (step.result.dtype !== dtypes.float32) throw judgeError("UnsupportedType", "The judge decides float32 results only.", { dtype: step.result.dtype });
  if (step.attributes.length !== 0) throw judgeError("UnexpectedAttributes", "Steps of this kind have no attributes.");
  if (step.result.source !== sources.trace) throw judgeError("ResultNotInTrace", "The result must be a tensor of the posted trace.", { source: step.result.source });
  if (step.kind === stepKinds.map && step.reduce.length !== 0) throw judgeError("UnexpectedReduction", "A map reduces nothing.");
  const elements = sizeOf(step.result.shape);
  const taps = sizeOf(step.reduce);
  if (taps >= MAX_TAPS) throw judgeError("TooManyTaps", "The reduction has too many taps for one verdict.", { taps });
  const firstValue = checkRoles(step, factors);
  const maps = step.operands.map((operand, i) => mapOf(step, operand, i));
  return { step, elements, taps, maps, factors, firstValue };
}

function factorsOf(step: Step): number {
  const op = step.op;
  if (step.kind === stepKinds.reduction) {
    if (op !== reductionOps.max && op !== reductionOps.min) throw judgeError("UnsupportedOp", "The judge reduces by max and min only.", { op });
    return 1;
  }
  if (step.kind !== stepKinds.contraction && step.kind !== stepKinds.map) {
    throw judgeError("UnknownKind", "The judge does not know this kind of step.", { kind: step.kind });
  }
  if (op !== 0) throw judgeError("UnsupportedOp", "Steps of this kind have no operation number.", { op });
  return step.kind === stepKinds.contraction ? 2 : 0;
}

function checkRoles(step: Step, factors: number): number {
  const { operands } = step;
  if (operands.length < factors) throw judgeError("OperandCount", "The step lacks an operand.", { expected: factors, given: operands.length });
  let least: number = step.kind === stepKinds.contraction ? roles.addend : roles.value;
  let firstValue = operands.length;
  operands.forEach(({ role }, i) => {
    const fits = i < factors ? role === roles.factor : role >= least && role <= roles.value;
    if (!fits) throw judgeError("UnexpectedRole", "An operand has a role that does not fit its place.", { operand: i, role });
    if (i >= factors) least = role;
    if (role === roles.value) firstValue = Math.min(firstValue, i);
  });
  return firstValue;
}

function mapOf(step: Step, operand: Operand, i: number): IndexMap {
  if (operand.dtype !== dtypes.float32) throw judgeError("UnsupportedType", "The judge reads float32 operands only.", { operand: i, dtype: operand.dtype });
  let { access } = operand;
  if (operand.role !== roles.factor) {
    if (access.windows.length !== 0) throw judgeError("UnexpectedWindow", "Only a factor can have windows.", { operand: i });
    if (access.reduceStrides.some((stride) => stride !== 0)) throw judgeError("UnexpectedReduction", "Only a factor can depend on the reduction.", { operand: i });
    if (access.reduceStrides.length === 0) access = { ...access, reduceStrides: step.reduce.map(() => 0) };
  }
  return new IndexMap(access, operand.elements, step.result.shape.length, step.reduce.length);
}

function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) {
    size *= dim;
    if (size > 2 ** 53) throw judgeError("ShapeTooLarge", "The step's shape is too large.", { shape: [...shape] });
  }
  return size;
}
