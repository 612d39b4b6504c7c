import { dtypes, reductionOps, roles, stepKinds, NO_DIM, type Access, type Step } from "../../protocol/program/types.ts";
import { isIntegerCode, runFloat, runInteger, type Num } from "./referenceExpression.ts";
import { typedOf, wrap, type Typed } from "./typedTensor.ts";

type Read = (operand: number, r: readonly number[]) => Num | undefined;

/**
 * A naive reading of docs/protocol.md §2 in float64, or exact where all types are integers, for tests: elements of a step (all, or every
 * `stride`-th) from the committed bytes of its operands. NaN stands for "anything" where the result is an integer.
 */
export function evaluateStep(step: Step, operands: readonly Uint8Array[], stride = 1): Num[] {
  const tensors = step.operands.map((operand, k) => {
    const data = typedOf(operand.dtype, operands[k]!);
    if (data.length !== operand.elements) throw new Error(`an operand has ${data.length} elements instead of ${operand.elements}`);
    return data;
  });
  const count = Math.ceil(product(step.result.shape) / stride);
  const taps = allCoordinates(step.reduce);
  return Array.from({ length: count }, (_, element) => {
    const o = coordinatesOf(element * stride, step.result.shape);
    const read: Read = (k, r) => {
      const index = elementAt(step.operands[k]!.access, o, r);
      return index === undefined ? undefined : elementOf(tensors[k]!, index, k);
    };
    return evaluateElement(step, tensors, o, taps, read);
  });
}

function elementOf(tensor: Typed, index: number, operand: number): Num {
  if (index < 0 || index >= tensor.length) throw new Error(`operand ${operand} reads element ${index} of ${tensor.length}`);
  return tensor[index]!;
}

function evaluateElement(step: Step, tensors: readonly Typed[], o: readonly number[], taps: readonly number[][], read: Read): Num {
  const { result, expression } = step;
  const integers = [result, ...step.operands].every(({ dtype }) => dtype !== dtypes.float32) && isIntegerCode(expression);
  const slots = slotsOf(step, tensors, o, taps, read);
  if (integers) {
    const whole = slots.map((slot) => (typeof slot === "number" && Number.isNaN(slot) ? undefined : BigInt(slot)));
    if (whole.includes(undefined)) return Number.NaN;
    const value = expression.length === 0 ? whole[0]! : runInteger(expression, whole as bigint[]);
    return value === undefined ? Number.NaN : wrap(result.dtype, value);
  }
  const value = expression.length === 0 ? Number(slots[0]!) : runFloat(expression, slots.map(Number));
  return result.dtype === dtypes.float32 || Number.isNaN(value) ? value : BigInt(Math.round(value));
}

function slotsOf(step: Step, tensors: readonly Typed[], o: readonly number[], taps: readonly number[][], read: Read): Num[] {
  const noTap = step.reduce.map(() => 0);
  const values = (): Num[] => step.operands.flatMap((operand, k) => (operand.role === roles.value ? [read(k, noTap)!] : []));
  switch (step.kind) {
    case stepKinds.contraction:
      return [contract(step, taps, read, noTap), ...values()];
    case stepKinds.reduction:
      return [reduce(step, taps.map((r) => read(0, r))), ...values()];
    case stepKinds.normalisation: {
      const row = taps.map((r) => Number(read(0, r)!));
      const top = row.reduce((a, b) => Math.max(a, b));
      const sum = row.reduce((total, x) => total + Math.exp(x - top), 0);
      const distance = Number(read(1, noTap)!) - top;
      return [step.op === 1 ? Math.exp(distance) / sum : distance - Math.log(sum)];
    }
    case stepKinds.gather:
      return [gather(step, tensors, o, read), ...values()];
    case stepKinds.movement: {
      const found = step.operands.map((_, k) => read(k, [])).find((value) => value !== undefined);
      return [found ?? (step.attributes.length === 0 ? 0n : typedOf(step.operands[0]!.dtype, step.attributes)[0]!)];
    }
    default:
      return values();
  }
}

function contract(step: Step, taps: readonly number[][], read: Read, noTap: readonly number[]): Num {
  if (step.operands[0]!.dtype === dtypes.float32) {
    let sum = 0;
    for (const r of taps) {
      const [a, b] = [read(0, r), read(1, r)];
      if (a !== undefined && b !== undefined) sum += Number(a) * Number(b);
    }
    step.operands.forEach((operand, k) => (sum += operand.role === roles.addend ? Number(read(k, noTap)!) : 0));
    return sum;
  }
  const [zeroF, zeroG] = step.attributes.length === 0 ? [0n, 0n] : [wordAt(step.attributes, 0), wordAt(step.attributes, 1)];
  let sum = 0n;
  for (const r of taps) {
    const [a, b] = [read(0, r), read(1, r)];
    if (a !== undefined && b !== undefined) sum += (BigInt(a) - zeroF) * (BigInt(b) - zeroG);
  }
  step.operands.forEach((operand, k) => (sum += operand.role === roles.addend ? BigInt(read(k, noTap)!) : 0n));
  return BigInt.asIntN(32, sum);
}

function reduce(step: Step, taps: readonly (Num | undefined)[]): Num {
  const present = taps.filter((tap) => tap !== undefined);
  const better = (a: Num, b: Num): boolean => (step.op === 1 || step.op === 6 ? a > b : a < b);
  const sum = (): Num => (typeof present[0] === "bigint" ? (present as bigint[]).reduce((a, b) => a + b, 0n) : present.reduce((a: number, b) => a + Number(b), 0));
  switch (step.op) {
    case reductionOps.max:
    case reductionOps.min:
      return present.some((tap) => Number.isNaN(tap)) ? Number.NaN : present.reduce((a, b) => (better(b, a) ? b : a));
    case 3:
      return sum();
    case 4:
      return Number(sum()) / present.length;
    case 5:
      return Number(sum()) / taps.length;
    default: {
      if (present.some((tap) => Number.isNaN(tap))) return Number.NaN;
      const last = step.attributes[0] === 1;
      return BigInt(present.reduce((best: number, tap, k) => (better(tap, present[best]!) || (last && tap === present[best]) ? k : best), 0));
    }
  }
}

function gather(step: Step, tensors: readonly Typed[], o: readonly number[], read: Read): Num {
  const [stride, size] = [Number(wordAt(step.attributes, 0)), Number(wordAt(step.attributes, 1))];
  const given = Number(read(0, [])!);
  const index = given < 0 ? given + size : given;
  if (index < 0 || index >= size) return Number.NaN;
  const { access } = step.operands[1]!;
  return elementOf(tensors[1]!, accessIndex({ ...access, offset: access.offset + index * stride }, o), 1);
}

function wordAt(bytes: Uint8Array, k: number): bigint {
  return BigInt.asIntN(64, BigInt(`0x${Buffer.from(bytes.subarray(32 * k, 32 * k + 32)).toString("hex")}`));
}

function elementAt(access: Access, o: readonly number[], r: readonly number[]): number | undefined {
  for (const { outDim, reduceDim, stride, dilation, pad, size } of access.windows) {
    const place = (outDim === NO_DIM ? 0 : o[outDim]! * stride) + (reduceDim === NO_DIM ? 0 : r[reduceDim]! * dilation) - pad;
    if (place < 0 || place >= size) return undefined;
  }
  if (access.outStrides.length !== o.length || access.reduceStrides.length !== r.length) throw new Error("an access has the wrong number of strides");
  return accessIndex(access, o, r);
}

/** The committed element that an access names. */
export function accessIndex(access: Access, o: readonly number[], r: readonly number[] = []): number {
  let index = access.offset;
  o.forEach((value, k) => (index += value * access.outStrides[k]!));
  r.forEach((value, k) => (index += value * access.reduceStrides[k]!));
  for (const stage of access.stages) {
    let rest = index;
    index = stage.offset;
    for (let k = stage.shape.length - 1; k >= 0; k--) {
      index += (rest % stage.shape[k]!) * stage.strides[k]!;
      rest = Math.floor(rest / stage.shape[k]!);
    }
    if (rest !== 0) throw new Error("a linear index leaves its stage");
  }
  return index;
}

function coordinatesOf(index: number, shape: readonly number[]): number[] {
  let rest = index;
  const coordinates = shape.map(() => 0);
  for (let k = shape.length - 1; k >= 0; k--) {
    coordinates[k] = rest % shape[k]!;
    rest = Math.floor(rest / shape[k]!);
  }
  return coordinates;
}

/** All coordinates of a shape in row-major order. */
export function allCoordinates(shape: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const size of shape) all = all.flatMap((head) => Array.from({ length: size }, (_, k) => [...head, k]));
  return all;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
