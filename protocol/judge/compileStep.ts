import { isFloat } from "../program/elements.ts";
import { dtypeBytes, dtypes, normalisationOps, profiles, reductionOps, roles, sources, stepKinds, type Operand, type Step } from "../program/types.ts";
import { IndexMap } from "./access.ts";
import { attributeWords } from "./attributes.ts";
import { isJudged } from "./elementType.ts";
import { judgeError } from "./judgeError.ts";

const MAX_TAPS = 2 ** 22;

/** Operations of each kind, and how many operands are factors. */
const kinds: Readonly<Record<number, { ops: readonly number[]; factors: number }>> = {
  [stepKinds.contraction]: { ops: [0], factors: 2 },
  [stepKinds.map]: { ops: [0], factors: 0 },
  [stepKinds.reduction]: { ops: Object.values(reductionOps), factors: 1 },
  [stepKinds.normalisation]: { ops: Object.values(normalisationOps), factors: 1 },
  [stepKinds.gather]: { ops: [0], factors: 2 },
  [stepKinds.movement]: { ops: [0], factors: 0 },
};
const unreduced = new Set<number>([stepKinds.map, stepKinds.gather, stepKinds.movement]);

/** A step that the judge can decide, checked, with its index maps made ready. */
export interface CompiledStep {
  readonly step: Step;
  /** Elements of the result. */
  readonly elements: number;
  /** Points of the reduction domain. */
  readonly taps: number;
  readonly maps: readonly IndexMap[];
  /** How many operands are factors (2, 0 or 1 by kind); addends follow up to `firstValue`, then values. */
  readonly factors: number;
  readonly firstValue: number;
  /** Whether the first operand has floats. */
  readonly ofFloats: boolean;
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
  if (step.profile !== profiles.fp32 && step.profile !== profiles.halfStorage) throw judgeError("UnsupportedProfile", "The step has a numeric profile that this judge does not know.", { profile: step.profile });
  requireJudged(step.result.dtype, step.profile);
  for (const { dtype } of step.operands) requireJudged(dtype, step.profile);
  checkAttributes(step);
  if (step.result.source !== sources.trace && step.result.source !== sources.inner) throw judgeError("ResultNotInTrace", "The result must be a tensor of the posted trace or of the inner one.", { source: step.result.source });
  if (unreduced.has(step.kind) && step.reduce.length !== 0) throw judgeError("UnexpectedReduction", "Steps of this kind reduce nothing.");
  const elements = sizeOf(step.result.shape);
  const taps = sizeOf(step.reduce);
  if (taps >= MAX_TAPS) throw judgeError("TooManyTaps", "The reduction has too many taps for one verdict.", { taps });
  const firstValue = checkRoles(step, factors);
  checkTypes(step, firstValue);
  const maps = step.operands.map((operand, i) => mapOf(step, operand, i));
  const [first] = step.operands;
  return { step, elements, taps, maps, factors, firstValue, ofFloats: first !== undefined && isFloat(first.dtype) };
}

function factorsOf(step: Step): number {
  const kind = kinds[step.kind];
  if (kind === undefined) throw judgeError("UnknownKind", "The judge does not know this kind of step.", { kind: step.kind });
  if (!kind.ops.includes(step.op)) throw judgeError("UnsupportedOp", "The judge does not know this operation of a step's kind.", { op: step.op });
  return kind.factors;
}

function requireJudged(dtype: number, profile: number): void {
  if (!isJudged(dtype, profile)) throw judgeError("UnsupportedType", "The judge does not decide elements of this type.", { dtype });
}

function checkAttributes({ kind, op, operands, attributes }: Step): void {
  const malformed = () => judgeError("AttributesMalformed", "The step's attributes are not those of its kind.", { length: attributes.length });
  const [first, second] = attributeWords(attributes);
  const isLong = (word: bigint | undefined): boolean => word !== undefined && BigInt.asIntN(64, word) === word;
  if (kind === stepKinds.gather) {
    if (attributes.length !== 64 || !isLong(first) || second === undefined || second < 0n || second >= 2n ** 32n) throw malformed();
  } else if (kind === stepKinds.movement) {
    const size = operands[0] === undefined ? 0 : dtypeBytes[operands[0].dtype];
    if (attributes.length !== 0 && attributes.length !== size) throw malformed();
  } else if (kind === stepKinds.contraction && operands[0] !== undefined && !isFloat(operands[0].dtype)) {
    if (attributes.length !== 0 && (attributes.length !== 64 || !isLong(first) || !isLong(second))) throw malformed();
  } else if (attributes.length !== 0) {
    const ofLast = kind === stepKinds.reduction && (op === reductionOps.argMax || op === reductionOps.argMin) && attributes.length === 1 && attributes[0] === 1;
    if (!ofLast) throw judgeError("UnexpectedAttributes", "The step has attributes that its kind does not take.");
  }
}

/** What each kind and operation asks of the types of result and operands, and of the expression. */
function checkTypes({ kind, op, operands, result, expression }: Step, firstValue: number): void {
  const require = (fits: boolean, dtype: number): void => {
    if (!fits) throw judgeError("UnsupportedType", "The step has a type that its kind does not take.", { dtype });
  };
  const types = operands.map(({ dtype }) => dtype);
  const [first] = types;
  if (first === undefined) return;
  if (kind === stepKinds.contraction) {
    for (const dtype of types.slice(0, firstValue)) require(isFloat(dtype) === isFloat(first), dtype);
    if (isFloat(first)) require(types[1] === first, types[1] ?? first);
  }
  if (kind === stepKinds.movement) for (const dtype of types) require(dtype === first, dtype);
  if (kind === stepKinds.gather) require(!isFloat(first), first);
  if (kind === stepKinds.normalisation) for (const dtype of types.slice(0, 2)) require(isFloat(dtype), dtype);
  if (kind !== stepKinds.reduction) return;
  if (op === reductionOps.mean || op === reductionOps.meanOfAll) require(isFloat(first), first);
  if (op === reductionOps.argMax || op === reductionOps.argMin) {
    if (expression.length !== 0) throw judgeError("UnexpectedExpression", "The index of an extreme has no expression.");
    require(result.dtype === dtypes.int64, result.dtype);
  }
}

function checkRoles(step: Step, factors: number): number {
  const { operands } = step;
  const needed = step.kind === stepKinds.normalisation ? 2 : step.kind === stepKinds.movement ? 1 : factors;
  if (operands.length < needed) throw judgeError("OperandCount", "The step lacks an operand.", { expected: needed, given: operands.length });
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
  let { access } = operand;
  const windowed = step.kind === stepKinds.movement ? roles.value : step.kind === stepKinds.gather ? undefined : roles.factor;
  if (operand.role !== windowed && access.windows.length !== 0) throw judgeError("UnexpectedWindow", "The operand's role has no windows in steps of this kind.", { operand: i });
  if (operand.role !== roles.factor) {
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
